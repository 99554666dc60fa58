//! The client's side: a thousand flows, each with a packet every now and then, and one from each flow of an EIP at the
//! very moment at which something about that EIP was answered.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mooring_tests::{Lab, lab, wait_for};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::places::PORT;
use crate::record::{ANSWER, Diary, Token, lock, read_answer, write_question};
use crate::{EIPS, FLOWS};

/// Between two packets of a flow. All flows together: 5 000 a second, less than a busy machine can lose.
const PERIOD: Duration = Duration::from_millis(200);
/// How long a connection may take to be opened.
const OPENING: Duration = Duration::from_millis(500);
/// After so long without an answer a connection is opened anew: TCP itself, once its EIP was away for a while, would try
/// again later and later.
const SILENCE: Duration = Duration::from_secs(2);
const PATIENT: Duration = Duration::from_secs(30);

/// Somebody who wants every flow of an EIP to send now.
pub type Bells = Arc<Vec<Notify>>;

pub fn bells() -> Bells {
    Arc::new((0..EIPS).map(|_| Notify::new()).collect())
}

pub struct Flows {
    diary: Arc<Diary>,
    stop: watch::Sender<bool>,
    resets: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Flows {
    pub fn open(lab: &Lab, diary: &Arc<Diary>, (addresses, bells): (Vec<Ipv4Addr>, Bells)) -> Flows {
        let (stop, stopped) = watch::channel(false);
        let resets = Arc::new(AtomicU64::new(0));
        let all = All { diary: diary.clone(), bells, stopped, resets: resets.clone() };
        let namespace = lab.client.clone();
        let thread = std::thread::spawn(move || namespace.run(|| run(all, &addresses)).unwrap());
        Flows { diary: diary.clone(), stop, resets, thread }
    }

    /// Waits until something that each flow sends from now on is answered.
    pub fn wait_all_answered(&self) {
        let from = self.diary.now();
        wait_for("an answer on every flow", PATIENT, || {
            let mut seen = vec![false; EIPS * FLOWS];
            let answers = lock(&self.diary.answers);
            let now = answers.iter().rev().take_while(|answer| answer.at >= from);
            now.filter(|answer| answer.said >= from)
                .for_each(|answer| seen[answer.token.flow as usize] = true);
            match seen
                .iter()
                .enumerate()
                .filter(|(_, seen)| !**seen)
                .map(|(flow, _)| flow)
                .collect::<Vec<_>>()
            {
                silent if silent.is_empty() => Ok(()),
                silent => Err(format!("none on {} flows: {silent:?}", silent.len())),
            }
        })
        .unwrap();
    }

    /// Ends them; how often a TCP connection was opened anew.
    pub fn close(self) -> u64 {
        self.stop.send_replace(true);
        self.thread.join().unwrap();
        self.resets.load(Ordering::Relaxed)
    }
}

#[derive(Clone)]
struct All {
    diary: Arc<Diary>,
    bells: Bells,
    stopped: watch::Receiver<bool>,
    resets: Arc<AtomicU64>,
}

fn run(mut all: All, addresses: &[Ipv4Addr]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (flow, eip) in (0..EIPS * FLOWS).map(|flow| (flow as u32, addresses[flow / FLOWS])) {
            let (all, to) = (all.clone(), SocketAddrV4::new(eip, PORT));
            match (Token { flow, number: 0 }).is_tcp() {
                true => drop(tokio::spawn(tcp(flow, to, all))),
                false => drop(tokio::spawn(udp(flow, to, all))),
            }
        }
        all.stopped.wait_for(|stopped| *stopped).await.unwrap();
    });
}

/// A flow's tokens, in order, noted as sent.
struct Tokens {
    next: Token,
    diary: Arc<Diary>,
}

impl Tokens {
    fn ticks(flow: u32) -> tokio::time::Interval {
        // Spread over the period, the same in every run.
        let offset = PERIOD * (flow * 7919 % 1000) / 1000;
        let mut ticks = interval_at(Instant::now() + offset, PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    /// The time is noted before `send`, and only if it sent.
    fn send<E>(&mut self, send: impl FnOnce([u8; 8]) -> Result<usize, E>) -> bool {
        let at = self.diary.now();
        let sent = send(write_question(self.next)).is_ok();
        if sent {
            lock(&self.diary.sent).push((self.next, at));
            self.next.number += 1;
        }
        sent
    }
}

async fn udp(flow: u32, to: SocketAddrV4, all: All) {
    let socket = UdpSocket::bind((lab::CLIENT, 0)).await.unwrap();
    socket.connect(to).await.unwrap();
    let mut tokens = Tokens { next: Token { flow, number: 0 }, diary: all.diary.clone() };
    let (mut ticks, mut buffer) = (Tokens::ticks(flow), [0; 64]);
    let bell = &all.bells[tokens.next.eip()];
    loop {
        tokio::select! {
            received = socket.recv(&mut buffer) => {
                // An error is an ICMP error that an earlier packet met.
                let answer = received.ok().and_then(|length| read_answer(&buffer[..length], all.diary.now()));
                lock(&all.diary.answers).extend(answer);
                continue;
            }
            () = bell.notified() => {}
            _ = ticks.tick() => {}
        }
        // The first try may be told of such an error instead.
        let _ = tokens.send(|bytes| socket.try_send(&bytes)) || tokens.send(|bytes| socket.try_send(&bytes));
    }
}

async fn tcp(flow: u32, to: SocketAddrV4, all: All) {
    let mut tokens = Tokens { next: Token { flow, number: 0 }, diary: all.diary.clone() };
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((lab::CLIENT, 0).into()).unwrap();
        if let Ok(Ok(stream)) = timeout(OPENING, socket.connect(to.into())).await {
            keep_busy(stream, &mut tokens, &all).await;
            all.resets.fetch_add(1, Ordering::Relaxed);
        }
        // Whoever is refused at once must not spin.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Until the connection breaks, or has not been answered for [`SILENCE`].
async fn keep_busy(stream: tokio::net::TcpStream, tokens: &mut Tokens, all: &All) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut reader, mut writer) = stream.into_split();
    let (mut ticks, bell) = (Tokens::ticks(tokens.next.flow), &all.bells[tokens.next.eip()]);
    let (mut answer, mut filled) = ([0; ANSWER], 0);
    let mut answered = Instant::now();
    loop {
        tokio::select! {
            length = reader.read(&mut answer[filled..]) => {
                filled += length.ok().filter(|length| *length > 0)?;
                if filled == ANSWER {
                    lock(&all.diary.answers).extend(read_answer(&answer, all.diary.now()));
                    filled = 0;
                    answered = Instant::now();
                }
                continue;
            }
            () = bell.notified() => {}
            _ = ticks.tick() => {}
        }
        if answered.elapsed() > SILENCE {
            return None;
        }
        let at = all.diary.now();
        lock(&all.diary.sent).push((tokens.next, at));
        let question = write_question(tokens.next);
        tokens.next.number += 1;
        writer.write_all(&question).await.ok()?;
    }
}
