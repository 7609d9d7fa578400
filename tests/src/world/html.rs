//! Draws what happened as a sequence diagram: one page, which needs nothing else.

use super::scenario::Scenario;
use super::trace::{Arrow, Lane, Mark, Trace};
use super::{Outcome, Violation};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use waxwing_core::machine::Instant;

/// Between lanes, and between rows.
const LANE: usize = 150;
const ROW: usize = 18;
const TOP: usize = 50;
const LEFT: usize = 90;

const HEAD: &str = "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Waxwing simulation</title><style>\
body{font:13px sans-serif;margin:16px}svg text{font:11px monospace}.lane{stroke:#bbb}.arrow{stroke:#28527a;fill:none}\
.lost{stroke:#c0392b;stroke-dasharray:4 3;fill:none}.hit{stroke:transparent;stroke-width:9}g:hover .arrow,g:hover \
.lost{stroke-width:3}.fault{fill:#c0392b}.note{fill:#666}.broken{fill:#c0392b;font-weight:bold}pre{background:#f4f4f4;\
padding:8px;overflow:auto}</style></head><body>";

/// The page.
pub(super) fn draw(scenario: &Scenario, trace: &Trace, outcome: &Outcome) -> String {
    let mut page = String::from(HEAD);
    let _ = write!(page, "<h1>Seed {}</h1>", scenario.seed);
    for Violation { at, rule, text } in &outcome.violations {
        let _ = write!(page, "<p class='broken'>{at:?} {rule:?}: {}</p>", escaped(text));
    }
    let _ = write!(
        page,
        "<details><summary>Scenario</summary><pre>{}</pre></details>",
        escaped(&scenario.to_string())
    );
    page.push_str("<p>Hover over an arrow to see its stanzas. Red and dashed: it never arrived. Time goes down, not to scale.</p>");
    let lanes = lanes(scenario);
    let rows = rows(trace, outcome);
    let (width, height) = (LEFT + lanes.len() * LANE, TOP + (rows.len() + 1) * ROW);
    let _ = write!(page, "<svg width='{width}' height='{height}' xmlns='http://www.w3.org/2000/svg'>");
    for (lane, (x, name)) in &lanes {
        let weight = if matches!(lane, Lane::Host(_)) { "bold" } else { "normal" };
        let _ =
            write!(page, "<text x='{x}' y='20' text-anchor='middle' font-weight='{weight}'>{name}</text>");
        let _ = write!(page, "<line class='lane' x1='{x}' x2='{x}' y1='{TOP}' y2='{height}'/>");
    }
    for (at, y) in &rows {
        let _ = write!(
            page,
            "<text class='note' x='2' y='{}'>{:.3}</text>",
            y + 4,
            at.since_origin().as_secs_f64()
        );
    }
    trace.arrows.iter().for_each(|arrow| draw_arrow(&mut page, arrow, &lanes, &rows));
    draw_marks(&mut page, &trace.marks, &lanes, &rows);
    page.push_str("</svg></body></html>\n");
    page
}

type Lanes = BTreeMap<Lane, (usize, String)>;
type Rows = BTreeMap<Instant, usize>;

/// Each account's devices beside their server.
fn lanes(scenario: &Scenario) -> Lanes {
    let mut order = Vec::new();
    for host in 0..scenario.hosts {
        let here = |account: usize| scenario.accounts[account] == host;
        let devices = scenario.devices.iter().enumerate().filter(|(_, device)| here(device.account));
        order.extend(
            devices.map(|(number, device)| (Lane::Device(number), format!("a{}/d{number}", device.account))),
        );
        order.push((Lane::Host(host), format!("h{host}.example")));
    }
    let places = order.into_iter().enumerate();
    places.map(|(place, (lane, name))| (lane, (LEFT + LANE / 2 + place * LANE, name))).collect()
}

/// One row for each moment at which anything happened.
fn rows(trace: &Trace, outcome: &Outcome) -> Rows {
    let mut moments = BTreeSet::new();
    for arrow in &trace.arrows {
        moments.insert(arrow.sent);
        moments.extend(arrow.arrived);
    }
    moments.extend(trace.marks.iter().map(|mark| mark.at));
    moments.extend(outcome.violations.iter().map(|violation| violation.at));
    moments.into_iter().enumerate().map(|(row, at)| (at, TOP + (row + 1) * ROW)).collect()
}

fn draw_arrow(page: &mut String, arrow: &Arrow, lanes: &Lanes, rows: &Rows) {
    let (Some((x1, _)), Some((x2, _))) = (lanes.get(&arrow.from), lanes.get(&arrow.to)) else { return };
    let Some(y1) = rows.get(&arrow.sent) else { return };
    let arrived = arrow.arrived.and_then(|at| rows.get(&at));
    // One that gets lost ends half way.
    let (class, x2, y2) = match arrived {
        Some(y2) => ("arrow", *x2, *y2),
        None => ("lost", usize::midpoint(*x1, *x2), y1 + ROW / 2),
    };
    let back: isize = if x2 > *x1 { -5 } else { 5 };
    let tip = x2 as isize + back;
    let _ = write!(
        page,
        "<g><title>{}</title><path class='{class}' d='M{x1} {y1}L{x2} {y2}M{tip} {}L{x2} {y2}L{tip} {}'/>\
         <line class='hit' x1='{x1}' y1='{y1}' x2='{x2}' y2='{y2}'/></g>",
        escaped(&arrow.text.replace("><", ">\n<")),
        y2 - 3,
        y2 + 3,
    );
}

fn draw_marks(page: &mut String, marks: &[Mark], lanes: &Lanes, rows: &Rows) {
    for mark in marks {
        let (Some((x, _)), Some(y)) = (lanes.get(&mark.lane), rows.get(&mark.at)) else { continue };
        let class = if mark.is_fault { "fault" } else { "note" };
        let short: String = mark.text.chars().take(24).collect();
        let _ = write!(
            page,
            "<g><title>{}</title><circle class='{class}' cx='{x}' cy='{y}' r='4'/>\
             <text class='{class}' x='{}' y='{}'>{}</text></g>",
            escaped(&mark.text),
            x + 7,
            y + 4,
            escaped(&short)
        );
    }
}

/// As text of a page; what cannot stand there becomes a question mark.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\t' => out.push(char),
            char if char.is_control() => out.push('?'),
            char => out.push(char),
        }
    }
    out
}
