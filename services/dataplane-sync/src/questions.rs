//! Who is being asked by ARP whether it holds a HAVIP. The present holder is asked alone first: a zombie that kept the
//! address would answer a broadcast too, and its answer is a claim. Only when the holder stays silent are all asked.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use mooring_domain::address::Mac;

/// How long a holder may take to answer.
const PATIENCE: Duration = Duration::from_millis(300);
/// A HAVIP is asked for at most once in this time, however many fenced packets come.
const INTERVAL: Duration = Duration::from_secs(1);

/// The questions of one VPC.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    asked: HashMap<Ipv4Addr, Instant>,
    waiting: HashMap<Ipv4Addr, (Mac, Instant)>,
    /// Those that are asked for in turn, each once.
    turns: VecDeque<Ipv4Addr>,
    among: HashSet<Ipv4Addr>,
}

impl Questions {
    /// Whether a HAVIP may be asked for now; notes that it was. `holder`: who is asked alone.
    pub(crate) fn ask(&mut self, havip: Ipv4Addr, holder: Option<Mac>, now: Instant) -> bool {
        if self.asked.get(&havip).is_some_and(|asked| now < *asked + INTERVAL) {
            return false;
        }
        self.asked.insert(havip, now);
        if let Some(mac) = holder {
            self.waiting.insert(havip, (mac, now + PATIENCE));
        }
        true
    }

    /// It may be asked for at once: there is a reason that the last question did not know of.
    pub(crate) fn again(&mut self, havip: Ipv4Addr) {
        self.asked.remove(&havip);
    }

    /// These have their turn behind those that wait for theirs.
    pub(crate) fn wait(&mut self, havips: impl IntoIterator<Item = Ipv4Addr>) {
        let (turns, among) = (&mut self.turns, &mut self.among);
        turns.extend(havips.into_iter().filter(|havip| among.insert(*havip)));
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.turns.len()
    }

    /// So many of them have it.
    pub(crate) fn next(&mut self, count: usize) -> Vec<Ipv4Addr> {
        let next: Vec<_> = self.turns.drain(..count.min(self.turns.len())).collect();
        for havip in &next {
            self.among.remove(havip);
        }
        next
    }

    /// A claim was seen.
    pub(crate) fn answered(&mut self, havip: Ipv4Addr, mac: Mac) {
        if self.waiting.get(&havip).is_some_and(|(holder, _)| *holder == mac) {
            self.waiting.remove(&havip);
        }
    }

    /// The HAVIPs whose holder stayed silent: all are to be asked now.
    pub(crate) fn unanswered(&mut self, now: Instant) -> Vec<Ipv4Addr> {
        self.asked.retain(|_, asked| now < *asked + INTERVAL);
        let silent: Vec<_> =
            self.waiting.iter().filter(|(_, (_, until))| *until <= now).map(|(havip, _)| *havip).collect();
        for havip in &silent {
            self.waiting.remove(havip);
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HAVIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
    const HOLDER: Mac = Mac([2, 0, 0, 0, 0, 10]);
    const ZOMBIE: Mac = Mac([2, 0, 0, 0, 0, 11]);

    #[test]
    fn a_holder_that_answers_keeps_the_question_from_everybody_else() {
        let (mut questions, start) = (Questions::default(), Instant::now());
        assert!(questions.ask(HAVIP, Some(HOLDER), start));
        questions.answered(HAVIP, HOLDER);
        assert_eq!(questions.unanswered(start + PATIENCE), Vec::<Ipv4Addr>::new());
    }

    #[test]
    fn a_silent_holder_has_everybody_asked_once() {
        let (mut questions, start) = (Questions::default(), Instant::now());
        questions.ask(HAVIP, Some(HOLDER), start);
        questions.answered(HAVIP, ZOMBIE);
        assert_eq!(questions.unanswered(start), Vec::<Ipv4Addr>::new());
        assert_eq!(questions.unanswered(start + PATIENCE), [HAVIP]);
        assert_eq!(questions.unanswered(start + PATIENCE), Vec::<Ipv4Addr>::new());
    }

    #[test]
    fn each_has_one_turn_however_often_it_is_to_be_asked_for() {
        let (mut questions, all) =
            (Questions::default(), [1, 2, 3, 4, 5].map(|last| [10, 0, 1, last].into()));
        let [a, b, c, d, e] = all;
        questions.wait([a, b, c, d]);
        assert_eq!(questions.next(2), [a, b]);
        questions.wait([d, e, a, c]);
        assert_eq!((questions.waiting(), questions.next(9)), (4, vec![c, d, e, a]));
        assert_eq!(questions.next(9), Vec::<Ipv4Addr>::new());
    }

    #[test]
    fn fenced_packets_ask_once_a_second() {
        let (mut questions, start) = (Questions::default(), Instant::now());
        assert!(questions.ask(HAVIP, Some(HOLDER), start));
        assert!(!questions.ask(HAVIP, Some(HOLDER), start + INTERVAL / 2));
        assert!(questions.ask(HAVIP, Some(HOLDER), start + INTERVAL));
        questions.again(HAVIP);
        assert!(questions.ask(HAVIP, Some(HOLDER), start + INTERVAL), "for another reason");
    }
}
