//! The oracle: from the answers of Bind and Unbind it knows for each packet who may have got it.
//!
//! A packet that was sent at one moment and seen at a later one passed the gateway in between. So its place is right if
//! at some moment in between the EIP may have been there: after Bind was called and before Unbind was answered.

use std::collections::BTreeMap;
use std::time::Duration;

use mooring_tests::figures::ms;

use crate::record::{Answer, Diary, Moment, Place, Reign, Token, lock};

/// A packet must be answered unless an unbind was called within this time after it was sent: it may be under way still.
const UNDER_WAY: Duration = Duration::from_millis(500);

pub struct Verdict {
    pub faults: Vec<String>,
    pub figures: String,
}

/// `end`: when flows stopped to listen.
pub fn judge(diary: &Diary, end: Moment) -> Verdict {
    let (reigns, answers) = (lock(&diary.reigns), lock(&diary.answers));
    let sent: BTreeMap<Token, Moment> = lock(&diary.sent).iter().copied().collect();
    let mut faults = Vec::new();
    let arrivals = lock(&diary.arrivals);
    for arrival in arrivals.iter() {
        let (token, place, at) = (arrival.token, arrival.place, arrival.at);
        allowed(&reigns, token, place, (sent[&token], at), "reached", &mut faults);
    }
    let mut answered: BTreeMap<Token, Answer> = BTreeMap::new();
    for answer in answers.iter() {
        let what = if answer.late { "was still spoken to by" } else { "was answered by" };
        allowed(&reigns, answer.token, answer.place, (answer.said, answer.at), what, &mut faults);
        if !answer.late {
            answered.insert(answer.token, *answer);
        }
    }
    let mut due = 0;
    for (token, at) in sent.iter().filter(|(token, _)| !token.is_tcp()) {
        let settled = |reign: &&Reign| {
            reign.begun.is_some_and(|begun| begun <= *at) && reign.leaving.unwrap_or(end) >= *at + UNDER_WAY
        };
        let Some(reign) = reigns[token.eip()].iter().find(settled) else { continue };
        due += 1;
        match answered.get(token) {
            Some(answer) if answer.place == Place::of(reign.havip) => {}
            other => faults.push(format!("{token:?} of {at:?} went to {reign:?} and got {other:?}")),
        }
    }
    let late = answers.iter().filter(|answer| answer.late).count();
    let operations: usize = reigns.iter().flatten().map(|reign| 1 + usize::from(reign.gone.is_some())).sum();
    let times = times_to_first(&reigns, &sent, &answered);
    let figures = format!(
        "oracle: {operations} binds and unbinds, {} packets sent, {} reached a place, {} answered ({due} had to be), \
         {late} late words got through; from Bind's answer to the first answer through it: median {}, at most {}",
        sent.len(),
        arrivals.len(),
        answered.len(),
        ms(times.get(times.len() / 2).copied().unwrap_or_default()),
        ms(times.last().copied().unwrap_or_default()),
    );
    Verdict { faults, figures }
}

/// Whether a packet that passed the gateway some time in `between` may have met this place.
fn allowed(
    reigns: &[Vec<Reign>],
    token: Token,
    place: Place,
    between: (Moment, Moment),
    what: &str,
    faults: &mut Vec<String>,
) {
    let (from, to) = between;
    let its = &reigns[token.eip()];
    let there = |reign: &Reign| {
        reign.havip == place.havip && reign.asked <= to && reign.gone.is_none_or(|gone| gone >= from)
    };
    if place != Place::of(place.havip) || !its.iter().any(there) {
        let ended = |reign: &Reign| reign.gone.is_some_and(|gone| gone + UNDER_WAY < from);
        let near: Vec<_> =
            its.iter().filter(|reign| !ended(reign) && reign.asked <= to + UNDER_WAY).collect();
        faults.push(format!("{token:?} {what} {place:?} between {from:?} and {to:?}; it was at {near:?}"));
    }
}

/// How long it took after each bind's answer until an answer came from the new place, in order. Binds from before the
/// flows were open are left out.
fn times_to_first(
    reigns: &[Vec<Reign>],
    sent: &BTreeMap<Token, Moment>,
    answered: &BTreeMap<Token, Answer>,
) -> Vec<Duration> {
    let open = sent.values().min().copied().unwrap_or_default();
    let mut firsts: BTreeMap<(usize, Moment), Moment> = BTreeMap::new();
    for (token, answer) in answered.iter().filter(|(token, _)| !token.is_tcp()) {
        let (eip, at) = (token.eip(), sent[token]);
        let begun = reigns[eip].iter().rev().find_map(|reign| reign.begun.filter(|begun| *begun <= at));
        if let Some(begun) = begun.filter(|begun| *begun > open) {
            let first = firsts.entry((eip, begun)).or_insert(answer.at);
            *first = answer.at.min(*first);
        }
    }
    let mut times: Vec<_> = firsts.into_iter().map(|((_, begun), first)| first - begun).collect();
    times.sort_unstable();
    times
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Arrival;

    const fn at(ms: u64) -> Moment {
        Duration::from_millis(ms)
    }

    /// EIP 0 at HAVIP 4 from 100 to 2000 ms, at HAVIP 6 from 3000 ms on, and a packet of it sent at this time.
    fn sent(time: Moment) -> (Diary, Token) {
        let (diary, token) = (Diary::new(), Token { flow: 0, number: 0 });
        let first = Reign {
            havip: 4,
            asked: at(90),
            begun: Some(at(100)),
            leaving: Some(at(1990)),
            gone: Some(at(2000)),
        };
        let second =
            Reign { havip: 6, asked: at(2990), begun: Some(at(3000)), leaving: Some(at(9000)), gone: None };
        lock(&diary.reigns)[0] = vec![first, second];
        lock(&diary.sent).push((token, time));
        (diary, token)
    }

    fn faults(sent_at: Moment, place: Option<(Place, Moment)>) -> usize {
        let (diary, token) = sent(sent_at);
        if let Some((place, at)) = place {
            lock(&diary.arrivals).push(Arrival { token, place, at });
            lock(&diary.answers).push(Answer { token, place, said: at, late: false, at });
        }
        judge(&diary, at(10_000)).faults.len()
    }

    #[test]
    fn what_is_sent_after_the_unbind_reaches_nobody() {
        assert_eq!(faults(at(1985), Some((Place::of(4), at(1999)))), 0, "it was under way");
        assert_eq!(
            faults(at(2001), Some((Place::of(4), at(2002)))),
            2,
            "it came too far, and so did its answer"
        );
        assert_eq!(faults(at(2001), None), 0);
    }

    #[test]
    fn what_is_sent_after_the_bind_reaches_the_new_place_and_no_other() {
        assert_eq!(faults(at(3001), Some((Place::of(6), at(3002)))), 0);
        assert_eq!(
            faults(at(3001), Some((Place::of(4), at(3002)))),
            3,
            "there, from there, and not as it had to"
        );
        assert_eq!(faults(at(3001), Some((Place { havip: 6, vm: 1 }, at(3002)))), 3, "the other instance");
        assert_eq!(faults(at(3001), None), 1, "it was lost");
        assert_eq!(faults(at(2995), None), 0, "the bind was not answered yet");
    }
}
