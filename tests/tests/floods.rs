//! Whoever floods a server: with streams, with streams that are reset at once, with headers that never end, with watches. It stays within its
//! memory, and answers others meanwhile. HTTP/2 is written by hand here: no client library would do that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use futures::future::try_join_all;
use mooring_proto::binding::v1::{
    WatchBindingsRequest, WatchBindingsResponse, binding_service_client::BindingServiceClient,
};
use mooring_tests::{
    Client, Mooringd,
    channel::{self, Channel},
    server::Options,
    wait_for,
};
use tonic::{Code, Status, Streaming, transport::Endpoint};
use uuid::Uuid;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
/// What a flood may cost at most: the server itself takes about as much as that at rest.
const ROOM: u64 = 96 << 20;
/// How much each flood sends, or until the server has had enough.
const STREAMS: u32 = 40_000;
const FLOODS: usize = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header that is in no table.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0, u8::try_from(name.len()).unwrap()];
    field.extend(name.as_bytes());
    field.push(u8::try_from(value.len()).unwrap());
    field.extend(value.as_bytes());
    field
}

/// The headers of a call that waits for its message.
fn call() -> Vec<u8> {
    // :method POST and :scheme http, out of the static table.
    let mut block = vec![0x83, 0x86];
    block.extend(literal(":path", "/mooring.resource.v1.ResourceService/ListPools"));
    block.extend(literal(":authority", "mooring"));
    block.extend(literal("content-type", "application/grpc"));
    block.extend(literal("te", "trailers"));
    block.extend(literal("mooring-role", "operator"));
    block
}

/// A connection on which the server has been greeted; what it says is read and thrown away.
fn connected(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).unwrap();
    let mut reading = stream.try_clone().unwrap();
    thread::spawn(move || {
        let mut thrown_away = [0; 16 << 10];
        while matches!(reading.read(&mut thrown_away), Ok(read) if read > 0) {}
    });
    stream
}

/// Sends until it is through, or the server has closed the connection or takes nothing more: both are its good right.
fn send(address: &str, frames: impl Iterator<Item = Vec<u8>>) -> TcpStream {
    let mut stream = connected(address);
    for frame in frames {
        if stream.write_all(&frame).is_err() {
            break;
        }
    }
    stream
}

/// Numbers of a client's streams.
fn numbers() -> impl Iterator<Item = u32> {
    (0..STREAMS).map(|n| 2 * n + 1)
}

fn calls_that_never_send_their_message(address: &str) -> TcpStream {
    let call = call();
    send(address, numbers().map(|number| frame(HEADERS, END_HEADERS, number, &call)))
}

fn calls_that_are_reset_at_once(address: &str) -> TcpStream {
    let call = call();
    let cancel = 8_u32.to_be_bytes();
    let reset =
        |number| [frame(HEADERS, END_HEADERS, number, &call), frame(RST_STREAM, 0, number, &cancel)].concat();
    send(address, numbers().map(reset))
}

fn headers_that_never_end(address: &str) -> TcpStream {
    let begin = std::iter::once(frame(HEADERS, 0, 1, &call()));
    let field = literal("x-more", &"x".repeat(100)).repeat(100);
    send(address, begin.chain(numbers().map(move |_| frame(CONTINUATION, 0, 1, &field))))
}

fn pings(address: &str) -> TcpStream {
    send(address, numbers().map(|number| frame(PING, 0, 0, &u64::from(number).to_be_bytes())))
}

/// HTTP/1 as slow as can be: a request line, and no end of the headers.
fn half_a_request(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let _ = stream.write_all(b"GET /ready HTTP/1.1\r\nhost: mooring\r\nx: ");
    stream
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Floods a server of its own from several connections at once, and asks it things meanwhile.
fn assert_survived(flood: fn(&str) -> TcpStream) {
    let server = Mooringd::alone(Options::default()).unwrap();
    server.ask("pool create public 203.0.113.0/28").unwrap();
    let pid = server.pid().unwrap();
    let before = resident(pid);
    let (over, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let watching = thread::spawn({
        let (over, most) = (over.clone(), most.clone());
        move || {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(resident(pid), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let floods: Vec<_> = (0..FLOODS)
        .map(|_| {
            let address = server.address().to_owned();
            thread::spawn(move || flood(&address))
        })
        .collect();
    for _ in 0..5 {
        server.ask("pool list").unwrap();
    }
    // They stay connected until all have been asked.
    let connections: Vec<_> = floods.into_iter().map(|flood| flood.join().unwrap()).collect();
    server.ask("vpc create blue").unwrap();
    drop(connections);
    over.store(true, Ordering::Relaxed);
    watching.join().unwrap();
    let grown = most.load(Ordering::Relaxed).saturating_sub(before);
    assert!(grown < ROOM, "from {before} by {grown} bytes");
    assert_eq!(server.ask("vpc get blue").unwrap()["display_name"], "blue");
}

#[test]
fn calls_without_a_message_are_bounded() {
    assert_survived(calls_that_never_send_their_message);
}

#[test]
fn calls_that_are_reset_at_once_are_bounded() {
    assert_survived(calls_that_are_reset_at_once);
}

#[test]
fn headers_without_an_end_are_bounded() {
    assert_survived(headers_that_never_end);
}

#[test]
fn pings_without_an_end_are_bounded() {
    assert_survived(pings);
}

#[test]
fn a_thousand_that_never_finish_asking_keep_nobody_from_an_answer() {
    let server = Mooringd::alone(Options::default()).unwrap();
    let before = resident(server.pid().unwrap());
    let waiting: Vec<_> = (0..1000).map(|_| half_a_request(server.address())).collect();
    server.ask("vpc create blue").unwrap();
    assert!(resident(server.pid().unwrap()).saturating_sub(before) < ROOM);
    drop(waiting);
}

/// How many files the server may open; half of them are for connections.
const FILES: usize = 400;

#[test]
fn connections_that_are_too_many_are_closed_at_once_and_those_before_them_go_on() {
    let wrapper = vec!["prlimit".to_owned(), format!("--nofile={FILES}:{FILES}")];
    let server = Mooringd::alone(Options { wrapper, ..Options::default() }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(Client::connect(server.address())).unwrap();
    runtime.block_on(client.vpc("blue")).unwrap();
    let many: Vec<_> = (0..FILES).map(|_| TcpStream::connect(server.address()).unwrap()).collect();
    // Of those that are kept nothing comes without being asked.
    let mut closed = 0;
    wait_for("the last ones to be closed", Duration::from_secs(20), || {
        closed = many.iter().filter(|stream| is_closed(stream)).count();
        if closed >= FILES / 2 { Ok(()) } else { Err(format!("{closed} are")) }
    })
    .unwrap();
    assert!(closed < FILES, "all of them were closed");
    runtime.block_on(client.vpc("red")).unwrap();
    assert!(server.moor("vpc list").unwrap().exit != 0, "there is no room for one more");
    drop(many);
    wait_for("room", Duration::from_secs(20), || {
        server.ask("vpc list").map_err(|error| format!("{error:#}"))
    })
    .unwrap();
}

/// How often a project may watch at once, and one time more.
const WATCHES: usize = 256;
/// What others have, and of that, what changes while somebody watches.
const BOUND: u32 = 300;
const REBOUND: usize = 150;
/// What the watches may cost at most, all together: a state of its own for each would be more.
const WATCHING: u64 = 24 << 20;

type Watch = Streaming<WatchBindingsResponse>;

/// A watch of a project that has nothing.
async fn watch(member: &Channel) -> Result<Watch, Status> {
    let parent = "projects/p2/regions/r1".to_owned();
    let request = WatchBindingsRequest { parent, ..Default::default() };
    let watch = BindingServiceClient::new(member.clone()).watch_bindings(request).await?;
    Ok(watch.into_inner())
}

/// The EIPs that front something, each with what it fronts.
async fn bound(client: &Client) -> Vec<(String, String)> {
    client.pool("203.0.112.0/23").await.unwrap();
    let vpc = client.vpc("blue").await.unwrap();
    let subnet = client.subnet(&vpc, "web", "10.0.0.0/16").await.unwrap();
    let mut pairs = Vec::new();
    for some in (0..BOUND).collect::<Vec<_>>().chunks(50) {
        let binding = some.iter().map(async |n| {
            let address = std::net::Ipv4Addr::from(0x0a00_0100 + n).to_string();
            let havip = client.havip(&subnet, &format!("h{n}"), &address, &[]).await?;
            let eip = client.eip().await?;
            client.bind_stored(&eip.name, &havip.name, Uuid::now_v7()).await?;
            Ok::<_, Status>((eip.name, havip.name))
        });
        pairs.extend(try_join_all(binding).await.unwrap());
    }
    pairs
}

#[test]
fn a_project_that_watches_as_often_as_it_may_costs_others_neither_memory_nor_answers() {
    let server = Mooringd::alone(Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::connect(server.address()).await.unwrap();
        let pairs = bound(&client).await;
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address())).unwrap();
        let member = channel::connect(endpoint).await.unwrap().member("p2");
        let mut watches = Vec::new();
        for _ in 0..WATCHES {
            let mut begun = watch(&member).await.unwrap();
            // There is nothing: from here on it is told of what comes.
            begun.message().await.unwrap().unwrap();
            watches.push(begun);
        }
        let before = resident(server.pid().unwrap());
        for some in pairs[..REBOUND].chunks(50) {
            let rebinding = some.iter().map(async |(eip, havip)| {
                client.unbind(eip, Uuid::now_v7()).await?;
                client.bind_stored(eip, havip, Uuid::now_v7()).await
            });
            try_join_all(rebinding).await.unwrap();
        }
        let grown = resident(server.pid().unwrap()).saturating_sub(before);
        assert!(grown < WATCHING, "from {before} by {grown} bytes");
        assert_eq!(watch(&member).await.err().unwrap().code(), Code::ResourceExhausted);
        // One that ends makes room for another.
        drop(watches.pop());
        let mut tries = 0;
        while watch(&member).await.is_err() {
            tries += 1;
            assert!(tries < 1000, "there is no room");
        }
    });
}

fn is_closed(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    match stream.peek(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}
