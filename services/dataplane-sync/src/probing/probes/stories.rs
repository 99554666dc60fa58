//! Who is probed when, and what is said of whom: by a clock that the story turns.

use super::*;

const HAVIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
const HOLDER: Mac = Mac([2, 0, 0, 0, 0, 10]);
const OTHER: Mac = Mac([2, 0, 0, 0, 0, 11]);
const AFTER: Duration = Duration::from_secs(3);

struct Clock(Instant);

impl Clock {
    fn at(&self, milliseconds: u64) -> Moment {
        let time = Timestamp(milliseconds * 1_000_000);
        Moment { instant: self.0 + Duration::from_millis(milliseconds), time }
    }
}

fn probing() -> (Probes, Clock) {
    let (mut probes, clock) = (Probes::default(), Clock(Instant::now()));
    probes.set_pace(Pace::within(AFTER));
    probes.follow(HAVIP, Some(HOLDER), clock.at(0));
    (probes, clock)
}

/// Looks every 50 ms from here to there, and answers as long as `answers`; when probes went out.
fn look(probes: &mut Probes, clock: &Clock, times: std::ops::Range<u64>, answers: bool) -> Vec<u64> {
    let mut sent = Vec::new();
    for at in times.step_by(50) {
        let due = probes.due(clock.at(at), |all| all);
        probes.sent(&due, clock.at(at));
        if !due.is_empty() {
            sent.push(at);
        }
        if answers && !due.is_empty() {
            probes.heard((HAVIP, HOLDER), Sign::Answer, clock.at(at + 1));
        }
    }
    sent
}

fn opinion(probes: &Probes, now: Moment) -> Opinion {
    probes.opinion(HAVIP, now).unwrap().1
}

#[test]
fn one_that_answers_is_probed_three_times_in_that_time() {
    let (mut probes, clock) = probing();
    assert_eq!(opinion(&probes, clock.at(0)), Opinion::None);
    assert_eq!(look(&mut probes, &clock, 0..3100, true).len(), 3);
    assert!(matches!(opinion(&probes, clock.at(3100)), Opinion::Heard(_)));
}

#[test]
fn silence_is_known_in_time_and_so_is_its_end() {
    let (mut probes, clock) = probing();
    look(&mut probes, &clock, 0..50, true);
    let last = Timestamp(1_000_000);
    let tries = look(&mut probes, &clock, 50..2950, false);
    assert!(tries.len() >= 5, "{tries:?}");
    assert_eq!(opinion(&probes, clock.at(2950)), Opinion::Silent(last));
    // It is probed on, at the same pace as one that answers.
    assert_eq!(look(&mut probes, &clock, 3000..8000, false).len(), 5);
    assert_eq!(opinion(&probes, clock.at(8000)), Opinion::Silent(last));
    probes.heard((HAVIP, HOLDER), Sign::Answer, clock.at(8001));
    assert_eq!(opinion(&probes, clock.at(8001)), Opinion::Heard(Timestamp(8_001_000_000)));
}

#[test]
fn for_a_silent_holder_everybody_is_asked_at_once_and_then_once_in_a_while() {
    let (mut probes, clock) = probing();
    look(&mut probes, &clock, 0..1450, false);
    assert_eq!(probes.lost(clock.at(1450)), [Ipv4Addr::UNSPECIFIED; 0]);
    look(&mut probes, &clock, 1450..1550, false);
    assert_eq!(probes.lost(clock.at(1550)), [HAVIP]);
    let asked = (1550..21_600).step_by(50).filter(|at| !probes.lost(clock.at(*at)).is_empty());
    assert_eq!(asked.collect::<Vec<_>>(), [11_550, 21_550]);
    probes.heard((HAVIP, HOLDER), Sign::Answer, clock.at(21_600));
    assert_eq!(probes.lost(clock.at(40_000)), [Ipv4Addr::UNSPECIFIED; 0]);
}

/// Silence is told by the clock that never jumps.
#[test]
fn a_clock_that_jumps_makes_nobody_silent_and_hides_no_silence() {
    let (mut probes, clock) = probing();
    look(&mut probes, &clock, 0..50, true);
    for time in [Timestamp(0), Timestamp(u64::MAX / 2)] {
        assert!(matches!(opinion(&probes, Moment { time, ..clock.at(100) }), Opinion::Heard(_)));
    }
    look(&mut probes, &clock, 50..2950, false);
    for time in [Timestamp(0), Timestamp(u64::MAX / 2)] {
        assert!(matches!(opinion(&probes, Moment { time, ..clock.at(2950) }), Opinion::Silent(_)));
    }
}

#[test]
fn four_lost_answers_are_no_silence() {
    let (mut probes, clock) = probing();
    look(&mut probes, &clock, 0..50, true);
    assert_eq!(look(&mut probes, &clock, 50..2150, false).len(), 4);
    probes.heard((HAVIP, HOLDER), Sign::Answer, clock.at(2150));
    assert_eq!(opinion(&probes, clock.at(2150)), Opinion::Heard(Timestamp(2_150_000_000)));
    assert_eq!(look(&mut probes, &clock, 2150..3100, false), Vec::<u64>::new());
}

#[test]
fn who_cannot_be_asked_is_not_silent() {
    let (mut probes, clock) = probing();
    look(&mut probes, &clock, 0..50, true);
    for at in (50..10_000).step_by(50) {
        let due = probes.due(clock.at(at), |all| all);
        probes.unsent(&due, clock.at(at));
    }
    assert!(matches!(opinion(&probes, clock.at(10_000)), Opinion::Heard(_)));
}

#[test]
fn whoever_is_not_the_holder_is_not_heard_and_a_new_holder_begins_anew() {
    let (mut probes, clock) = probing();
    look(&mut probes, &clock, 0..2950, false);
    probes.heard((HAVIP, OTHER), Sign::Answer, clock.at(2950));
    assert_eq!(opinion(&probes, clock.at(2950)), Opinion::Silent(Timestamp(0)));
    probes.follow(HAVIP, Some(HOLDER), clock.at(2960));
    assert_eq!(opinion(&probes, clock.at(2960)), Opinion::Silent(Timestamp(0)), "nothing is forgotten");
    probes.follow(HAVIP, Some(OTHER), clock.at(2970));
    assert_eq!(opinion(&probes, clock.at(2970)), Opinion::None);
    probes.follow(HAVIP, None, clock.at(2980));
    assert_eq!((probes.len(), probes.quiet()), (0, 0));
    assert_eq!(probes.due(clock.at(9000), |all| all), []);
}

#[test]
fn where_there_is_no_room_for_all_those_come_first_that_have_waited_longest() {
    let (mut probes, clock) = (Probes::default(), Clock(Instant::now()));
    probes.set_pace(Pace::within(AFTER).at_least(Duration::from_secs(4)));
    let all = (1..=9).map(|last| (Ipv4Addr::new(10, 0, 1, last), HOLDER));
    all.clone().for_each(|(havip, holder)| probes.follow(havip, Some(holder), clock.at(0)));
    let mut order = Vec::new();
    for at in 0..3 {
        let due = probes.due(clock.at(at), |wanted| wanted.min(3));
        probes.sent(&due, clock.at(at));
        due.iter().for_each(|(havip, mac)| probes.heard((*havip, *mac), Sign::Answer, clock.at(at)));
        order.extend(due);
    }
    assert_eq!(order, all.collect::<Vec<_>>());
    assert_eq!(probes.due(clock.at(3999), |all| all), []);
    assert_eq!(probes.due(clock.at(4000), |all| all).len(), 3);
}

/// When it fell silent in this time, if it announces itself so often and answers nothing.
fn silences(probes: &mut Probes, clock: &Clock, end: u64, announced: u64) -> Vec<u64> {
    let (mut silences, mut silent) = (Vec::new(), false);
    for at in (0..end).step_by(50) {
        let due = probes.due(clock.at(at), |all| all);
        probes.sent(&due, clock.at(at));
        if at % announced == 0 {
            probes.heard((HAVIP, HOLDER), Sign::Claim, clock.at(at));
        }
        let now_silent = matches!(opinion(probes, clock.at(at)), Opinion::Silent(_));
        if now_silent && !silent {
            silences.push(at);
        }
        silent = now_silent;
    }
    silences
}

#[test]
fn one_that_announces_itself_and_answers_nothing_is_soon_judged_by_how_often_it_does() {
    let (mut probes, clock) = probing();
    let fell = silences(&mut probes, &clock, 3_600_000, 10_000);
    // Three times as any other, then after twice the time; four times that is longer than its announcements take.
    assert_eq!(fell.len(), 4, "{fell:?}");
    assert!(fell[2] - 20_000 < 3000 && fell[3] - 30_000 >= 6000, "{fell:?}");
    // When it stops that is known, too.
    look(&mut probes, &clock, 3_600_000..3_620_000, false);
    assert!(matches!(opinion(&probes, clock.at(3_620_000)), Opinion::Silent(_)));
}

#[test]
fn however_seldom_it_announces_itself_its_silence_is_known_in_bounded_time() {
    let (mut probes, clock) = probing();
    let quarter = 900_000;
    let fell = silences(&mut probes, &clock, 24 * quarter, quarter);
    assert_eq!(fell.len(), 24, "{fell:?}");
    let late = |at: &u64| at % quarter > 3000 + u64::try_from(LONGEST.as_millis()).unwrap();
    assert!(!fell.iter().any(late), "{fell:?}");
}

#[test]
fn an_answer_to_a_probe_is_believed_again() {
    let (mut probes, clock) = probing();
    silences(&mut probes, &clock, 60_000, 10_000);
    probes.heard((HAVIP, HOLDER), Sign::Answer, clock.at(60_000));
    look(&mut probes, &clock, 60_000..63_000, false);
    assert!(matches!(opinion(&probes, clock.at(63_000)), Opinion::Silent(_)));
}
