//! Appendix A of RFC 6121, row by row.

use super::Kind::{Subscribe, Subscribed, Unsubscribe, Unsubscribed};
use super::*;

const NONE: State = State { to: false, from: false, ask: false, pending_in: false, approved: false };
const NONE_OUT: State = State { ask: true, ..NONE };
const NONE_IN: State = State { pending_in: true, ..NONE };
const NONE_OUT_IN: State = State { ask: true, pending_in: true, ..NONE };
const TO: State = State { to: true, ..NONE };
const TO_IN: State = State { to: true, pending_in: true, ..NONE };
const FROM: State = State { from: true, ..NONE };
const FROM_OUT: State = State { from: true, ask: true, ..NONE };
const BOTH: State = State { to: true, from: true, ..NONE };

const STATES: [State; 9] = [NONE, NONE_OUT, NONE_IN, NONE_OUT_IN, TO, TO_IN, FROM, FROM_OUT, BOTH];
const KINDS: [Kind; 4] = [Subscribe, Unsubscribe, Subscribed, Unsubscribed];

const ROUTE: bool = true;
const DELIVER: bool = true;
const DROP: bool = false;

fn approved(state: State) -> State {
    State { approved: true, ..state }
}

/// Rows of a table of appendix A.2: name of the test, existing state, routed?, new state.
macro_rules! outbound {
    ($kind:ident: $($name:ident: $from:ident, $route:ident, $to:expr;)*) => { $(
        #[test]
        fn $name() {
            assert_eq!($from.send($kind), Outbound { state: $to, route: $route });
        }
    )* };
}

/// Rows of a table of appendix A.3: name of the test, existing state, delivered?, new state, automatic reply.
macro_rules! inbound {
    ($kind:ident: $($name:ident: $from:ident, $deliver:ident, $to:expr, $reply:expr;)*) => { $(
        #[test]
        fn $name() {
            assert_eq!($from.receive($kind), Inbound { state: $to, deliver: $deliver, reply: $reply });
        }
    )* };
}

outbound! { Subscribe:
    rfc6121_a_2_1_subscribe_in_none: NONE, ROUTE, NONE_OUT;
    rfc6121_a_2_1_subscribe_in_none_pending_out: NONE_OUT, ROUTE, NONE_OUT;
    rfc6121_a_2_1_subscribe_in_none_pending_in: NONE_IN, ROUTE, NONE_OUT_IN;
    rfc6121_a_2_1_subscribe_in_none_pending_out_in: NONE_OUT_IN, ROUTE, NONE_OUT_IN;
    rfc6121_a_2_1_subscribe_in_to: TO, ROUTE, TO;
    rfc6121_a_2_1_subscribe_in_to_pending_in: TO_IN, ROUTE, TO_IN;
    rfc6121_a_2_1_subscribe_in_from: FROM, ROUTE, FROM_OUT;
    rfc6121_a_2_1_subscribe_in_from_pending_out: FROM_OUT, ROUTE, FROM_OUT;
    rfc6121_a_2_1_subscribe_in_both: BOTH, ROUTE, BOTH;
}

outbound! { Unsubscribe:
    rfc6121_a_2_2_unsubscribe_in_none: NONE, ROUTE, NONE;
    rfc6121_a_2_2_unsubscribe_in_none_pending_out: NONE_OUT, ROUTE, NONE;
    rfc6121_a_2_2_unsubscribe_in_none_pending_in: NONE_IN, ROUTE, NONE_IN;
    rfc6121_a_2_2_unsubscribe_in_none_pending_out_in: NONE_OUT_IN, ROUTE, NONE_IN;
    rfc6121_a_2_2_unsubscribe_in_to: TO, ROUTE, NONE;
    rfc6121_a_2_2_unsubscribe_in_to_pending_in: TO_IN, ROUTE, NONE_IN;
    rfc6121_a_2_2_unsubscribe_in_from: FROM, ROUTE, FROM;
    rfc6121_a_2_2_unsubscribe_in_from_pending_out: FROM_OUT, ROUTE, FROM;
    rfc6121_a_2_2_unsubscribe_in_both: BOTH, ROUTE, FROM;
}

outbound! { Subscribed:
    rfc6121_a_2_3_subscribed_in_none: NONE, DROP, approved(NONE);
    rfc6121_a_2_3_subscribed_in_none_pending_out: NONE_OUT, DROP, approved(NONE_OUT);
    rfc6121_a_2_3_subscribed_in_none_pending_in: NONE_IN, ROUTE, FROM;
    rfc6121_a_2_3_subscribed_in_none_pending_out_in: NONE_OUT_IN, ROUTE, FROM_OUT;
    rfc6121_a_2_3_subscribed_in_to: TO, DROP, approved(TO);
    rfc6121_a_2_3_subscribed_in_to_pending_in: TO_IN, ROUTE, BOTH;
    rfc6121_a_2_3_subscribed_in_from: FROM, DROP, FROM;
    rfc6121_a_2_3_subscribed_in_from_pending_out: FROM_OUT, DROP, FROM_OUT;
    rfc6121_a_2_3_subscribed_in_both: BOTH, DROP, BOTH;
}

outbound! { Unsubscribed:
    rfc6121_a_2_4_unsubscribed_in_none: NONE, DROP, NONE;
    rfc6121_a_2_4_unsubscribed_in_none_pending_out: NONE_OUT, DROP, NONE_OUT;
    rfc6121_a_2_4_unsubscribed_in_none_pending_in: NONE_IN, ROUTE, NONE;
    rfc6121_a_2_4_unsubscribed_in_none_pending_out_in: NONE_OUT_IN, ROUTE, NONE_OUT;
    rfc6121_a_2_4_unsubscribed_in_to: TO, DROP, TO;
    rfc6121_a_2_4_unsubscribed_in_to_pending_in: TO_IN, ROUTE, TO;
    rfc6121_a_2_4_unsubscribed_in_from: FROM, ROUTE, NONE;
    rfc6121_a_2_4_unsubscribed_in_from_pending_out: FROM_OUT, ROUTE, NONE_OUT;
    rfc6121_a_2_4_unsubscribed_in_both: BOTH, ROUTE, TO;
}

inbound! { Subscribe:
    rfc6121_a_3_1_subscribe_in_none: NONE, DELIVER, NONE_IN, None;
    rfc6121_a_3_1_subscribe_in_none_pending_out: NONE_OUT, DELIVER, NONE_OUT_IN, None;
    rfc6121_a_3_1_subscribe_in_none_pending_in: NONE_IN, DROP, NONE_IN, None;
    rfc6121_a_3_1_subscribe_in_none_pending_out_in: NONE_OUT_IN, DROP, NONE_OUT_IN, None;
    rfc6121_a_3_1_subscribe_in_to: TO, DELIVER, TO_IN, None;
    rfc6121_a_3_1_subscribe_in_to_pending_in: TO_IN, DROP, TO_IN, None;
    rfc6121_a_3_1_subscribe_in_from: FROM, DROP, FROM, Some(Subscribed);
    rfc6121_a_3_1_subscribe_in_from_pending_out: FROM_OUT, DROP, FROM_OUT, Some(Subscribed);
    rfc6121_a_3_1_subscribe_in_both: BOTH, DROP, BOTH, Some(Subscribed);
}

inbound! { Unsubscribe:
    rfc6121_a_3_2_unsubscribe_in_none: NONE, DROP, NONE, None;
    rfc6121_a_3_2_unsubscribe_in_none_pending_out: NONE_OUT, DROP, NONE_OUT, None;
    rfc6121_a_3_2_unsubscribe_in_none_pending_in: NONE_IN, DELIVER, NONE, Some(Unsubscribed);
    rfc6121_a_3_2_unsubscribe_in_none_pending_out_in: NONE_OUT_IN, DELIVER, NONE_OUT, Some(Unsubscribed);
    rfc6121_a_3_2_unsubscribe_in_to: TO, DROP, TO, None;
    rfc6121_a_3_2_unsubscribe_in_to_pending_in: TO_IN, DELIVER, TO, Some(Unsubscribed);
    rfc6121_a_3_2_unsubscribe_in_from: FROM, DELIVER, NONE, Some(Unsubscribed);
    rfc6121_a_3_2_unsubscribe_in_from_pending_out: FROM_OUT, DELIVER, NONE_OUT, Some(Unsubscribed);
    rfc6121_a_3_2_unsubscribe_in_both: BOTH, DELIVER, TO, Some(Unsubscribed);
}

inbound! { Subscribed:
    rfc6121_a_3_3_subscribed_in_none: NONE, DROP, NONE, None;
    rfc6121_a_3_3_subscribed_in_none_pending_out: NONE_OUT, DELIVER, TO, None;
    rfc6121_a_3_3_subscribed_in_none_pending_in: NONE_IN, DROP, NONE_IN, None;
    rfc6121_a_3_3_subscribed_in_none_pending_out_in: NONE_OUT_IN, DELIVER, TO_IN, None;
    rfc6121_a_3_3_subscribed_in_to: TO, DROP, TO, None;
    rfc6121_a_3_3_subscribed_in_to_pending_in: TO_IN, DROP, TO_IN, None;
    rfc6121_a_3_3_subscribed_in_from: FROM, DROP, FROM, None;
    rfc6121_a_3_3_subscribed_in_from_pending_out: FROM_OUT, DELIVER, BOTH, None;
    rfc6121_a_3_3_subscribed_in_both: BOTH, DROP, BOTH, None;
}

inbound! { Unsubscribed:
    rfc6121_a_3_4_unsubscribed_in_none: NONE, DROP, NONE, None;
    rfc6121_a_3_4_unsubscribed_in_none_pending_out: NONE_OUT, DELIVER, NONE, None;
    rfc6121_a_3_4_unsubscribed_in_none_pending_in: NONE_IN, DROP, NONE_IN, None;
    rfc6121_a_3_4_unsubscribed_in_none_pending_out_in: NONE_OUT_IN, DELIVER, NONE_IN, None;
    rfc6121_a_3_4_unsubscribed_in_to: TO, DELIVER, NONE, None;
    rfc6121_a_3_4_unsubscribed_in_to_pending_in: TO_IN, DELIVER, NONE_IN, None;
    rfc6121_a_3_4_unsubscribed_in_from: FROM, DROP, FROM, None;
    rfc6121_a_3_4_unsubscribed_in_from_pending_out: FROM_OUT, DELIVER, FROM, None;
    rfc6121_a_3_4_unsubscribed_in_both: BOTH, DELIVER, FROM, None;
}

#[test]
fn rfc6121_a_3_1_note_1_and_3_4_2_a_request_approved_of_in_advance_is_granted() {
    for (from, to) in [(NONE, FROM), (NONE_OUT, FROM_OUT), (TO, BOTH)] {
        let granted = Inbound { state: approved(to), deliver: false, reply: Some(Subscribed) };
        assert_eq!(approved(from).receive(Subscribe), granted);
    }
}

#[test]
fn rfc6121_a_2_4_note_1_unsubscribed_cancels_an_approval_and_is_not_routed() {
    for state in [NONE, NONE_OUT, TO] {
        assert_eq!(approved(state).send(Unsubscribed), Outbound { state, route: false });
    }
}

#[test]
fn rfc6121_3_4_2_an_approval_stays_until_the_user_takes_it_back() {
    for state in STATES {
        for kind in KINDS {
            assert!(approved(state).receive(kind).state.approved, "{state:?} {kind:?}");
            let kept = approved(state).send(kind).state.approved;
            assert_eq!(kept, kind != Unsubscribed, "{state:?} {kind:?}");
        }
    }
}

#[test]
fn rfc6121_a_1_whatever_comes_the_state_is_one_of_nine() {
    for state in STATES.into_iter().chain(STATES.map(approved)) {
        for kind in KINDS {
            for next in [state.send(kind).state, state.receive(kind).state] {
                assert!(STATES.contains(&State { approved: false, ..next }), "{state:?} {kind:?} {next:?}");
            }
        }
    }
}

/// What both sides hold of each other agrees after any dialogue in which nothing is lost or overtaken.
#[test]
fn rfc6121_a_both_sides_agree_after_any_dialogue() {
    let mut seen = vec![(NONE, NONE)];
    let mut next = 0;
    while let Some(&(user, contact)) = seen.get(next) {
        next += 1;
        for kind in KINDS {
            let (mut user, mut contact) = (user, contact);
            let sent = user.send(kind);
            user = sent.state;
            if sent.route {
                let received = contact.receive(kind);
                contact = received.state;
                if let Some(reply) = received.reply {
                    user = user.receive(reply).state;
                }
            }
            assert_eq!(
                (user.to, user.ask),
                (contact.from, contact.pending_in),
                "{user:?} {contact:?} {kind:?}"
            );
            assert_eq!(
                (contact.to, contact.ask),
                (user.from, user.pending_in),
                "{user:?} {contact:?} {kind:?}"
            );
            for pair in [(user, contact), (contact, user)] {
                if !seen.contains(&pair) {
                    seen.push(pair);
                }
            }
        }
    }
    assert!(seen.len() > 20, "{}", seen.len());
}

#[test]
fn rfc6121_a_1_a_roster_item_shows_all_but_the_request_that_came_in() {
    for state in STATES.into_iter().chain(STATES.map(approved)) {
        let shown = State { pending_in: false, ..state };
        let item = state.in_roster(None);
        assert_eq!(item.is_none(), shown == NONE, "no item for the sake of a request");
        let item = item.unwrap_or_default();
        assert_eq!(State::of(Some(&item), state.pending_in), state);
        assert_eq!(state.in_roster(Some(&item)), None, "nothing new");
    }
    let item = Contact { name: Some("Nurse".into()), version: 7, ..Contact::default() };
    let expected = Contact { from: true, ..item.clone() };
    assert_eq!(FROM.in_roster(Some(&item)), Some(expected));
}

#[test]
fn a_record_that_contradicts_itself_is_read_as_one_of_the_nine_states() {
    let item = Contact { to: true, from: true, ask: true, ..Contact::default() };
    assert_eq!(State::of(Some(&item), true), BOTH);
}
