//! The instances' side: every HAVIP's UDP and TCP service on both instances, in the one that holds it and in the one
//! that does not, and what reached them. Now and then a place says something long after it was asked: what an old place
//! still sends must not reach the client either.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use mooring_tests::{Lab, Namespace};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;

use crate::HAVIPS;
use crate::record::{Arrival, Diary, Place, QUESTION, Token, lock, read_question, write_answer};

pub const PORT: u16 = 7000;
/// One question in so many is answered a second time, later.
const SELDOM: u32 = 8;
const LATER: Duration = Duration::from_millis(150);

pub fn havip(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, 100 + index as u8)
}

/// Gives every HAVIP to its holder, before anybody asks who holds it.
pub fn take_addresses(lab: &Lab) {
    for (vm, namespace) in [&lab.vm_a, &lab.vm_b].into_iter().enumerate() {
        let its = (0..HAVIPS).filter(|index| Place::of(*index).vm == vm);
        let lines: String = its.map(|index| format!("address add {}/24 dev eth0\n", havip(index))).collect();
        namespace.ip(&lines).unwrap();
    }
}

/// The services. They run until they are closed.
pub struct Places {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Places {
    pub fn serve(lab: &Lab, diary: &Arc<Diary>) -> Places {
        let (stop, _) = watch::channel(false);
        let thread = |(vm, namespace): (usize, &Namespace)| {
            let (namespace, diary, stopped) = (namespace.clone(), diary.clone(), stop.subscribe());
            std::thread::spawn(move || namespace.run(|| serve(vm, diary, stopped)).unwrap())
        };
        let threads = [&lab.vm_a, &lab.vm_b].into_iter().enumerate().map(thread).collect();
        Places { stop, threads }
    }

    pub fn close(self) {
        self.stop.send_replace(true);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

fn serve(vm: usize, diary: Arc<Diary>, mut stopped: watch::Receiver<bool>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for index in 0..HAVIPS {
            let (place, at) = (Place { havip: index, vm }, SocketAddrV4::new(havip(index), PORT));
            tokio::spawn(udp(UdpSocket::bind(at).await.unwrap(), place, diary.clone()));
            tokio::spawn(tcp(TcpListener::bind(at).await.unwrap(), place, diary.clone()));
        }
        stopped.wait_for(|stopped| *stopped).await.unwrap();
    });
}

fn arrived(diary: &Diary, place: Place, bytes: &[u8]) -> Option<Token> {
    let token = read_question(bytes)?;
    lock(&diary.arrivals).push(Arrival { token, place, at: diary.now() });
    Some(token)
}

async fn udp(socket: UdpSocket, place: Place, diary: Arc<Diary>) {
    let socket = Arc::new(socket);
    let mut buffer = [0; 64];
    loop {
        // An ICMP error of an earlier answer is nobody's question.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        let Some(token) = arrived(&diary, place, &buffer[..length]) else { continue };
        let _ = socket.send_to(&write_answer(token, place, false, diary.now()), peer).await;
        if token.number % SELDOM == 0 {
            let (socket, diary) = (socket.clone(), diary.clone());
            tokio::spawn(async move {
                tokio::time::sleep(LATER).await;
                let _ = socket.send_to(&write_answer(token, place, true, diary.now()), peer).await;
            });
        }
    }
}

async fn tcp(listener: TcpListener, place: Place, diary: Arc<Diary>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(stream, place, diary.clone()));
    }
}

/// Until it breaks: that is the client's business.
async fn connection(mut stream: TcpStream, place: Place, diary: Arc<Diary>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut question = [0; QUESTION];
    loop {
        stream.read_exact(&mut question).await.ok()?;
        let token = arrived(&diary, place, &question)?;
        stream.write_all(&write_answer(token, place, false, diary.now())).await.ok()?;
    }
}
