//! The support library itself, tried on a toy machine that speaks lines of text.

use std::collections::VecDeque;
use std::time::Duration;
use waxwing_core::machine::{Deadline, Instant, Machine, Now, Reason};
use waxwing_tests::{Conditions, Entry, Pair, Split};

const SECOND: Duration = Duration::from_secs(1);

/// Says `hello` at once, answers each `ask` with `answer`, and closes with `bye`. Expects a first line within 30 s.
#[derive(Default)]
struct Lines {
    partial: Vec<u8>,
    outgoing: Vec<u8>,
    events: VecDeque<Event>,
    deadline: Option<Deadline>,
    finished: bool,
    /// Bytes it reads each second; `None`: as many as there are.
    rate: Option<usize>,
    budget: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Event {
    Line(String),
    Eof,
    TimedOut,
}

impl Lines {
    fn new() -> Lines {
        let at = Instant::ORIGIN + 30 * SECOND;
        Lines {
            outgoing: b"hello\n".to_vec(),
            deadline: Some(Deadline { at, reason: Reason::Negotiation }),
            ..Lines::default()
        }
    }

    fn with_rate(rate: usize) -> Lines {
        Lines { rate: Some(rate), budget: rate, ..Lines::new() }
    }

    fn say(&mut self, line: &str) {
        self.outgoing.extend_from_slice(line.as_bytes());
        self.outgoing.push(b'\n');
    }

    fn line(&mut self, line: String) {
        match line.as_str() {
            "ask" => self.say("answer"),
            "bye" if self.finished => {}
            "bye" => {
                self.say("bye");
                self.finished = true;
            }
            _ => {}
        }
        self.deadline = None;
        self.events.push_back(Event::Line(line));
    }
}

impl Machine for Lines {
    type Event = Event;

    fn receive(&mut self, now: Now, input: &[u8]) {
        for byte in input {
            match byte {
                b'\n' => {
                    let line =
                        String::from_utf8(std::mem::take(&mut self.partial)).expect("tests send UTF-8");
                    self.line(line);
                }
                other => self.partial.push(*other),
            }
        }
        if self.rate.is_some() {
            self.budget = self.budget.saturating_sub(input.len());
            if self.budget == 0 {
                self.deadline = Some(Deadline { at: now.instant + SECOND, reason: Reason::Rate });
            }
        }
    }

    fn receive_eof(&mut self, _: Now) {
        self.events.push_back(Event::Eof);
        self.finished = true;
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        let appended = self.outgoing.len();
        out.append(&mut self.outgoing);
        appended
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    fn tick(&mut self, now: Now) {
        let Some(deadline) = self.deadline.take_if(|deadline| deadline.at <= now.instant) else { return };
        match deadline.reason {
            Reason::Rate => self.budget = self.rate.unwrap_or(0),
            _ => {
                self.events.push_back(Event::TimedOut);
                self.finished = true;
            }
        }
    }

    fn read_budget(&self) -> usize {
        if self.rate.is_some() { self.budget } else { usize::MAX }
    }

    fn is_finished(&self) -> bool {
        self.finished
    }
}

fn lines(texts: &[&str]) -> Vec<Event> {
    texts.iter().map(|text| Event::Line((*text).into())).collect()
}

fn events<A: Machine<Event = Event>>(side: &waxwing_tests::Side<A>) -> Vec<Event> {
    side.events().cloned().collect()
}

#[test]
fn two_machines_talk_until_idle_and_no_time_passes_on_a_perfect_network() {
    let mut pair = Pair::new(1, Lines::new(), Lines::new());
    pair.run_until_idle();
    pair.a.machine.say("ask");
    pair.run_until_idle();
    assert_eq!(events(&pair.a), lines(&["hello", "answer"]));
    assert_eq!(events(&pair.b), lines(&["hello", "ask"]));
    assert_eq!(pair.a.sent, b"hello\nask\n");
    assert_eq!(pair.now().instant, Instant::ORIGIN);
}

#[test]
fn no_split_changes_what_happens() {
    let total = {
        let mut pair = Pair::new(1, Lines::new(), Lines::new());
        pair.run_until_idle();
        pair.a.pipe.written()
    };
    let splits = [Split::EveryByte, Split::Random(3)].into_iter().chain((0..=total).map(Split::At));
    for split in splits {
        let mut pair = Pair::new(1, Lines::new(), Lines::new());
        pair.set_conditions(Conditions { split, ..Conditions::default() });
        pair.run_until_idle();
        assert_eq!(events(&pair.a), lines(&["hello"]), "{split:?}");
        assert_eq!(events(&pair.b), lines(&["hello"]), "{split:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_log_and_another_seed_another() {
    let run = |seed| {
        let mut pair = Pair::new(seed, Lines::new(), Lines::new());
        let (latency, jitter) = (Duration::from_millis(10), Duration::from_millis(40));
        pair.set_conditions(Conditions { latency, jitter, split: Split::Random(3), ..Conditions::default() });
        pair.a.machine.say("ask");
        pair.run_until_idle();
        (pair.a.log, pair.b.log)
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn latency_is_virtual_time() {
    let mut pair = Pair::new(1, Lines::new(), Lines::new());
    pair.set_conditions(Conditions { latency: Duration::from_millis(150), ..Conditions::default() });
    pair.a.machine.say("ask");
    pair.run_until_idle();
    assert_eq!(pair.now().instant.since_origin(), Duration::from_millis(300));
    assert_eq!(events(&pair.a), lines(&["hello", "answer"]));
}

#[test]
fn a_deadline_fires_at_its_time_and_a_finished_machine_closes_the_transport() {
    let mut pair = Pair::new(1, Lines::new(), Lines::new());
    pair.a.pipe.conditions.stalled = true;
    pair.run_until_idle();
    assert_eq!(events(&pair.b), []);
    pair.run_for(29 * SECOND);
    assert_eq!(events(&pair.b), []);
    pair.run_for(SECOND);
    assert_eq!(events(&pair.b), [Event::TimedOut]);
    assert!(pair.b.log.contains(&Entry::Closed(Instant::ORIGIN + 30 * SECOND)));
    assert_eq!(events(&pair.a), [lines(&["hello"]), vec![Event::Eof]].concat());
    assert!(pair.run_until_finished(SECOND));
}

#[test]
fn a_closing_handshake_ends_both_sides() {
    let mut pair = Pair::new(1, Lines::new(), Lines::new());
    pair.a.machine.say("bye");
    assert!(pair.run_until_finished(SECOND));
    assert_eq!(events(&pair.b), lines(&["hello", "bye"]));
    assert_eq!(events(&pair.a), lines(&["hello", "bye"]));
}

#[test]
fn a_cut_reaches_both_sides_as_the_end() {
    let mut pair = Pair::new(1, Lines::new(), Lines::new());
    pair.set_conditions(Conditions { latency: SECOND, ..Conditions::default() });
    pair.run_for(Duration::from_millis(500));
    pair.cut();
    pair.run_until_idle();
    assert_eq!(events(&pair.a), [Event::Eof]);
    assert_eq!(events(&pair.b), [Event::Eof]);
    assert!(pair.run_until_finished(Duration::ZERO));
}

#[test]
fn a_machine_reads_no_more_than_its_budget() {
    let mut pair = Pair::new(1, Lines::new(), Lines::with_rate(4));
    pair.a.machine.say("0123456789");
    assert!(pair.run_until(60 * SECOND, |pair| pair.b.events().count() == 2));
    let received: Vec<_> = pair
        .b
        .log
        .iter()
        .filter_map(|entry| match entry {
            Entry::Received(at, bytes) => Some((at.since_origin().as_secs(), *bytes)),
            _ => None,
        })
        .collect();
    assert_eq!(received, [(0, 4), (1, 4), (2, 4), (3, 4), (4, 1)]);
}

#[test]
fn a_full_window_holds_the_sender_back() {
    let mut pair = Pair::new(1, Lines::new(), Lines::new());
    pair.a.pipe.conditions = Conditions { window: 1, stalled: true, ..Conditions::default() };
    pair.run_until_idle();
    pair.a.machine.say("ask");
    pair.run_until_idle();
    assert_eq!(pair.a.sent, b"hello\n");
    pair.a.pipe.conditions.stalled = false;
    pair.run_until_idle();
    assert_eq!(events(&pair.b), lines(&["hello", "ask"]));
}

#[test]
fn a_handler_answers_events_on_the_spot() {
    let mut pair = Pair::new(1, Lines::new(), Lines::new());
    pair.b.on_event(|machine, _, event| {
        if *event == Event::Line("hello".into()) {
            machine.say("welcome");
        }
    });
    pair.run_until_idle();
    assert_eq!(events(&pair.a), lines(&["hello", "welcome"]));
}

#[test]
#[should_panic(expected = "ticking does not move a deadline")]
fn a_machine_that_ignores_its_tick_is_found_out() {
    struct Stubborn;
    impl Machine for Stubborn {
        type Event = ();
        fn receive(&mut self, _: Now, _: &[u8]) {}
        fn receive_eof(&mut self, _: Now) {}
        fn transmit(&mut self, _: &mut Vec<u8>) -> usize {
            0
        }
        fn poll_event(&mut self) -> Option<()> {
            None
        }
        fn deadline(&self) -> Option<Deadline> {
            Some(Deadline { at: Instant::ORIGIN, reason: Reason::Idle })
        }
        fn tick(&mut self, _: Now) {}
        fn is_finished(&self) -> bool {
            false
        }
    }
    Pair::new(1, Stubborn, Lines::new()).run_until_idle();
}
