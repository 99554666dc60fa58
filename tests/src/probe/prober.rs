//! The measure of an outage: numbered datagrams every 10 ms on several ways at the same moments.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::echo::Answer;
use super::worker::{PATIENCE, Stop, Worker};
use crate::lab::Namespace;
use crate::wait::wait_for;

/// Between two datagrams.
const TICK: Duration = Duration::from_millis(10);

/// An answer that takes longer is none. On a busy machine who asks and who answers may wait for their turn.
pub const LATE: Duration = Duration::from_secs(2);

/// One way that is probed: from an address of the client to a [`super::UdpEcho`].
#[derive(Debug, Clone, Copy)]
pub struct Lane {
    /// The source address.
    pub from: Ipv4Addr,
    /// The service.
    pub to: SocketAddrV4,
}

/// What became of the datagrams of one lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Datagrams sent.
    pub sent: usize,
    /// Datagrams without an answer.
    pub lost: usize,
    /// From the first lost datagram of the longest gap to the next one that was answered.
    pub longest: Duration,
    /// Who answered, in the order in which they took over.
    pub servers: Vec<String>,
}

#[derive(Default)]
struct Record {
    sent: Vec<Instant>,
    answers: BTreeMap<usize, String>,
}

/// A running measurement.
pub struct Prober {
    records: Vec<Arc<Mutex<Record>>>,
    sender: Option<Worker>,
    _receivers: Vec<Worker>,
}

impl Prober {
    /// Starts to probe every lane from `ns`.
    pub fn start(ns: &Namespace, lanes: &[Lane]) -> Result<Prober> {
        let mut senders = Vec::new();
        let (mut records, mut receivers) = (Vec::new(), Vec::new());
        for lane in lanes {
            let socket = ns.run(|| UdpSocket::bind((lane.from, 0)))?.context("the prober's socket")?;
            socket.set_read_timeout(Some(PATIENCE))?;
            let record = Arc::new(Mutex::new(Record::default()));
            let (receiver, its) = (socket.try_clone()?, record.clone());
            receivers.push(Worker::start(move |stop| receive(&receiver, &its, &stop)));
            senders.push((socket, lane.to, record.clone()));
            records.push(record);
        }
        let sender = Some(Worker::start(move |stop| send(&senders, &stop)));
        Ok(Prober { records, sender, _receivers: receivers })
    }

    /// Waits until each lane has an answer to a datagram sent from now on, from `server` if one is named.
    pub fn wait_answered(&self, server: Option<&str>, timeout: Duration) -> Result<()> {
        let from: Vec<usize> = self.records.iter().map(|record| lock(record, |r| r.sent.len())).collect();
        wait_for("answers to the prober on every lane", timeout, || {
            for (lane, (record, from)) in self.records.iter().zip(&from).enumerate() {
                let last = lock(record, |r| r.answers.range(from..).next_back().map(|(_, by)| by.clone()));
                match (last, server) {
                    (None, _) => return Err(format!("none on lane {lane}")),
                    (Some(by), Some(wanted)) if by != wanted => {
                        return Err(format!("from {by} on lane {lane}"));
                    }
                    _ => {}
                }
            }
            Ok(())
        })
    }

    /// Datagrams that were sent so long ago or longer and have no answer: on which lane, which of them, and when, since
    /// the first.
    pub fn unanswered_for(&self, time: Duration) -> Vec<(usize, usize, Duration)> {
        let Some(until) = Instant::now().checked_sub(time) else { return Vec::new() };
        let unanswered = |record: &mut Record, lane: usize| -> Vec<_> {
            let numbered = record.sent.iter().enumerate().take_while(|(_, sent)| **sent <= until);
            let missing = numbered.filter(|(number, _)| !record.answers.contains_key(number));
            missing.map(|(number, sent)| (lane, number, *sent - record.sent[0])).collect()
        };
        let lanes = self.records.iter().enumerate();
        lanes.flat_map(|(lane, record)| lock(record, |record| unanswered(record, lane))).collect()
    }

    /// Stops sending, gives the last answers time to arrive, and says what happened on each lane.
    pub fn finish(mut self) -> Vec<Outage> {
        self.sender = None;
        let all_in = || {
            let missing = self.records.iter().any(|r| lock(r, |r| r.answers.len() < r.sent.len()));
            if missing { Err("not all".to_owned()) } else { Ok(()) }
        };
        // Whether all came is the outcome, not a condition.
        let _ = wait_for("the last answers", LATE, all_in);
        self.records.iter().map(|record| lock(record, summary)).collect()
    }
}

fn lock<T>(record: &Mutex<Record>, read: impl FnOnce(&mut Record) -> T) -> T {
    read(&mut record.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

fn send(lanes: &[(UdpSocket, SocketAddrV4, Arc<Mutex<Record>>)], stop: &Stop) {
    let begin = Instant::now();
    let mut tick = 0;
    while !stop.asked() {
        for (socket, to, record) in lanes {
            let number = lock(record, |r| {
                r.sent.push(Instant::now());
                r.sent.len() - 1
            });
            // A refusal that an earlier datagram met is reported here; this one counts as lost then, which it is.
            let _ = socket.send_to(number.to_string().as_bytes(), to);
        }
        tick += 1;
        std::thread::sleep((begin + TICK * tick).saturating_duration_since(Instant::now()));
    }
}

fn receive(socket: &UdpSocket, record: &Mutex<Record>, stop: &Stop) {
    let mut buffer = [0; 2048];
    while !stop.asked() {
        let Ok(length) = socket.recv(&mut buffer) else { continue };
        let Some(answer) = Answer::parse(&buffer[..length]) else { continue };
        let number = std::str::from_utf8(&answer.payload).ok().and_then(|text| text.parse().ok());
        if let Some(number) = number {
            lock(record, |r| r.answers.insert(number, answer.server));
        }
    }
}

fn summary(record: &mut Record) -> Outage {
    let answered = |number: &usize| record.answers.contains_key(number);
    let requests = record.sent.iter().enumerate().map(|(number, sent)| (*sent, answered(&number)));
    let longest = longest_gap(requests, TICK);
    let mut servers: Vec<String> = record.answers.values().cloned().collect();
    servers.dedup();
    Outage { sent: record.sent.len(), lost: record.sent.len() - record.answers.len(), longest, servers }
}

/// From the first unanswered request of the longest gap to the next one that was answered. Requests are at `tick`.
pub(super) fn longest_gap(requests: impl Iterator<Item = (Instant, bool)>, tick: Duration) -> Duration {
    let mut longest = Duration::ZERO;
    let (mut gap, mut last): (Option<Instant>, Option<Instant>) = (None, None);
    for (sent, answered) in requests {
        match (answered, gap) {
            (false, None) => gap = Some(sent),
            (true, Some(begin)) => {
                longest = longest.max(sent - begin);
                gap = None;
            }
            _ => {}
        }
        last = Some(sent);
    }
    if let (Some(begin), Some(last)) = (gap, last) {
        longest = longest.max(last - begin + tick);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(answered: &[Option<&str>]) -> Record {
        let begin = Instant::now();
        let numbered = answered.iter().enumerate();
        Record {
            sent: (0..answered.len() as u32).map(|n| begin + TICK * n).collect(),
            answers: numbered.filter_map(|(n, by)| by.map(|by| (n, by.to_owned()))).collect(),
        }
    }

    #[test]
    fn an_outage_lasts_from_the_first_lost_datagram_to_the_next_answered_one() {
        let (a, b) = (Some("a"), Some("b"));
        let outage = summary(&mut record(&[a, None, a, None, None, None, b, b]));
        assert_eq!((outage.sent, outage.lost), (8, 4));
        assert_eq!(outage.longest, TICK * 3);
        assert_eq!(outage.servers, ["a", "b"]);
    }

    #[test]
    fn an_outage_that_never_ends_is_not_overlooked() {
        assert_eq!(summary(&mut record(&[Some("a"), None, None])).longest, TICK * 2);
        assert_eq!(summary(&mut record(&[Some("a"), Some("a")])).longest, Duration::ZERO);
    }
}
