use super::*;

const START: Instant = Instant::ORIGIN;

fn pipe(conditions: Conditions) -> Pipe {
    Pipe { conditions, ..Pipe::new(Random::new(1)) }
}

fn split(split: Split) -> Conditions {
    Conditions { split, ..Conditions::default() }
}

fn pieces(pipe: &mut Pipe, now: Instant) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let Some(Arrival::Bytes(piece)) = pipe.read(now, usize::MAX) {
        lengths.push(piece.len());
    }
    lengths
}

#[test]
fn bytes_are_cut_as_asked() {
    for (how, expected) in [
        (Split::Whole, vec![6, 4]),
        (Split::EveryByte, vec![1; 10]),
        (Split::At(2), vec![2, 4, 4]),
        (Split::At(6), vec![6, 4]),
        (Split::At(7), vec![6, 1, 3]),
        (Split::At(99), vec![6, 4]),
    ] {
        let mut pipe = pipe(split(how));
        pipe.write(START, &[1; 6]);
        pipe.write(START, &[2; 4]);
        assert_eq!(pieces(&mut pipe, START), expected, "{how:?}");
        assert_eq!(pipe.written(), 10);
    }
}

#[test]
fn random_pieces_add_up_and_repeat_with_the_seed() {
    let run = || {
        let mut pipe = pipe(split(Split::Random(7)));
        pipe.write(START, &[0; 100]);
        pieces(&mut pipe, START)
    };
    assert_eq!(run().iter().sum::<usize>(), 100);
    assert!(run().iter().all(|length| (1..=7).contains(length)));
    assert_eq!(run(), run());
}

#[test]
fn latency_and_bandwidth_decide_the_arrival() {
    let mut pipe = pipe(Conditions {
        latency: Duration::from_millis(20),
        bytes_per_second: Some(1000),
        ..Conditions::default()
    });
    pipe.write(START, &[0; 100]);
    pipe.write(START, &[0; 100]);
    let at = |millis| START + Duration::from_millis(millis);
    assert_eq!(pipe.next_arrival(), Some(at(120)));
    assert_eq!(pipe.read(at(119), usize::MAX), None);
    assert_eq!(pieces(&mut pipe, at(120)), [100]);
    assert_eq!(pipe.next_arrival(), Some(at(220)));
}

#[test]
fn jitter_never_changes_the_order() {
    let mut pipe = pipe(Conditions { jitter: Duration::from_millis(50), ..split(Split::EveryByte) });
    let bytes: Vec<u8> = (0..=255).collect();
    pipe.write(START, &bytes);
    let mut got = Vec::new();
    let mut now = START;
    while let Some(next) = pipe.next_arrival() {
        assert!(next >= now);
        now = next;
        let Some(Arrival::Bytes(piece)) = pipe.read(now, usize::MAX) else { panic!("a piece is due") };
        got.extend(piece);
    }
    assert_eq!(got, bytes);
}

#[test]
fn a_read_budget_cuts_and_a_budget_of_zero_holds_back() {
    let mut pipe = pipe(Conditions::default());
    pipe.write(START, b"abcdef");
    assert_eq!(pipe.read(START, 0), None);
    assert_eq!(pipe.read(START, 4), Some(Arrival::Bytes(b"abcd".to_vec())));
    assert_eq!(pipe.read(START, 4), Some(Arrival::Bytes(b"ef".to_vec())));
}

#[test]
fn the_window_fills_and_empties() {
    let mut pipe = pipe(Conditions { window: 4, ..Conditions::default() });
    assert!(pipe.is_writable());
    pipe.write(START, b"abcdef");
    assert!(!pipe.is_writable());
    pipe.read(START, 3);
    assert!(pipe.is_writable());
}

#[test]
fn the_end_comes_once_and_after_the_bytes() {
    let mut pipe = pipe(Conditions { latency: Duration::from_secs(1), ..Conditions::default() });
    pipe.write(START, b"a");
    pipe.close(START);
    pipe.write(START, b"lost");
    let later = START + Duration::from_secs(1);
    assert_eq!(pipe.read(later, usize::MAX), Some(Arrival::Bytes(b"a".to_vec())));
    assert_eq!(pipe.read(later, 0), Some(Arrival::Eof));
    assert_eq!(pipe.read(later, usize::MAX), None);
    pipe.cut(later);
    assert_eq!(pipe.next_arrival(), None);
}

#[test]
fn a_cut_loses_what_was_under_way() {
    let mut pipe = pipe(Conditions { latency: Duration::from_secs(1), ..Conditions::default() });
    pipe.write(START, b"a");
    pipe.cut(START);
    assert_eq!(pipe.read(START, usize::MAX), Some(Arrival::Eof));
}

#[test]
fn nothing_arrives_while_stalled() {
    let mut pipe = pipe(Conditions { stalled: true, ..Conditions::default() });
    pipe.write(START, b"a");
    assert_eq!((pipe.next_arrival(), pipe.read(START, usize::MAX)), (None, None));
    pipe.conditions.stalled = false;
    assert_eq!(pieces(&mut pipe, START), [1]);
}
