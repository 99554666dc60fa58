//! The measure of a short outage: 10 000 echo requests a second on several ways at the same moments. Kernels answer: no
//! program has to be woken between the request and its answer.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::sys::prctl::set_timerslack;

use super::frame::checksum;
use super::prober::{LATE, longest_gap};
use super::stamped::Stamped;
use super::worker::{Stop, Worker};
use crate::lab::Namespace;
use crate::wait::wait_for;

/// Between two echo requests on a way.
const PACE: Duration = Duration::from_micros(100);
/// Answers are read after so many of them.
const READ_EVERY: u32 = 20;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
/// Bytes of an IP header without options, and of an ICMP echo's.
const HEADERS: usize = 20 + 8;

/// What became of the requests of one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Requests sent.
    pub sent: usize,
    /// Requests without an answer.
    pub lost: usize,
    /// From the first lost request of the longest gap to the next one that was answered.
    pub longest: Duration,
}

#[derive(Default)]
struct Way {
    sent: Vec<Instant>,
    answered: Vec<bool>,
    /// The answered request that was sent last.
    last: Option<usize>,
}

/// A running measurement.
pub struct Pinger {
    ways: Arc<Mutex<Vec<Way>>>,
    worker: Option<Worker>,
}

impl Pinger {
    /// Starts to send from each address of `ns` to its peer.
    pub fn start(ns: &Namespace, ways: &[(Ipv4Addr, Ipv4Addr)]) -> Result<Pinger> {
        let sockets = ways.iter().map(|(from, to)| Stamped::icmp(ns, *from, Some(*to)));
        let sockets = sockets.collect::<Result<Vec<_>>>()?;
        let ways = Arc::new(Mutex::new(ways.iter().map(|_| Way::default()).collect()));
        let its = ways.clone();
        let worker = Worker::start(move |stop| ping(sockets, &its, &stop));
        Ok(Pinger { ways, worker: Some(worker) })
    }

    /// Waits until a request that is sent from now on is answered, on every way.
    pub fn wait_answered(&self, timeout: Duration) -> Result<()> {
        let from = self.look(|ways| ways.iter().map(|way| way.sent.len()).collect::<Vec<_>>());
        wait_for("an echo on every way", timeout, || {
            let missing = self
                .look(|ways| ways.iter().zip(&from).filter(|(way, from)| way.last < Some(**from)).count());
            if missing == 0 { Ok(()) } else { Err(format!("{missing} ways without one")) }
        })
    }

    /// Stops sending, gives the last answers time to come, and says what happened on each way.
    pub fn finish(mut self) -> Vec<Outage> {
        self.worker = None;
        self.look(|ways| ways.iter().map(Way::outage).collect())
    }

    fn look<T>(&self, look: impl FnOnce(&[Way]) -> T) -> T {
        look(&self.ways.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Way {
    fn answer(&mut self, number: usize) {
        let Some(answered) = self.answered.get_mut(number) else { return };
        *answered = true;
        self.last = self.last.max(Some(number));
    }

    fn outage(&self) -> Outage {
        let lost = self.answered.iter().filter(|answered| !**answered).count();
        let requests = self.sent.iter().copied().zip(self.answered.iter().copied());
        Outage { sent: self.sent.len(), lost, longest: longest_gap(requests, PACE) }
    }
}

fn ping(mut sockets: Vec<Stamped>, ways: &Mutex<Vec<Way>>, stop: &Stop) {
    // Otherwise the kernel wakes this thread up to 50 us late, to wake several at once.
    let _ = set_timerslack(1);
    let (begin, mut tick) = (Instant::now(), 0_u32);
    while !stop.asked() {
        {
            let mut ways = ways.lock().unwrap_or_else(PoisonError::into_inner);
            for (socket, way) in sockets.iter().zip(ways.iter_mut()) {
                // What cannot be sent is lost, and counted so.
                let _ = socket.send(&request(way.sent.len()));
                way.sent.push(Instant::now());
                way.answered.push(false);
            }
            if tick % READ_EVERY == 0 {
                read(&mut sockets, &mut ways);
            }
        }
        tick += 1;
        std::thread::sleep((begin + PACE * tick).saturating_duration_since(Instant::now()));
    }
    let _ = wait_for("the last answers", LATE, || {
        let mut ways = ways.lock().unwrap_or_else(PoisonError::into_inner);
        read(&mut sockets, &mut ways);
        let missing = ways.iter().any(|way| way.last.map(|last| last + 1) != Some(way.sent.len()));
        if missing { Err("not all".to_owned()) } else { Ok(()) }
    });
}

fn read(sockets: &mut [Stamped], ways: &mut [Way]) {
    for (socket, way) in sockets.iter_mut().zip(ways) {
        let _ = socket.take(|_, packet| {
            if packet.get(HEADERS - 8) == Some(&ECHO_REPLY) {
                number(packet).into_iter().for_each(|number| way.answer(number));
            }
        });
    }
}

fn request(number: usize) -> Vec<u8> {
    let mut message = vec![ECHO_REQUEST, 0, 0, 0, b'm', b'o', 0, 0];
    message.extend_from_slice(&(number as u64).to_be_bytes());
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    message
}

/// Which request an IP packet is, or answers.
pub fn number(packet: &[u8]) -> Option<usize> {
    let number = packet.get(HEADERS..HEADERS + 8)?.try_into().ok()?;
    usize::try_from(u64::from_be_bytes(number)).ok()
}
