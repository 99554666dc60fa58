//! The `nats-server` fixture itself keeps what it promises.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use mooring_tests::{NatsServer, wait_for};

const PATIENCE: Duration = Duration::from_secs(10);

/// Connects as a client does and returns what the server says of itself.
fn greeting(server: &NatsServer) -> Result<String, String> {
    let stream = TcpStream::connect(server.address()).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line)
}

#[test]
fn a_killed_server_comes_back_on_the_ports_it_had() {
    let mut server = NatsServer::start().unwrap();
    let (url, monitor) = (server.url(), server.monitor());
    assert!(greeting(&server).unwrap().contains("\"jetstream\":true"));
    server.kill9().unwrap();
    greeting(&server).unwrap_err();
    server.restart().unwrap();
    assert_eq!((server.url(), server.monitor()), (url, monitor));
    greeting(&server).unwrap();
}

#[test]
fn a_paused_server_answers_nobody_until_it_is_let_go_on() {
    let server = NatsServer::start().unwrap();
    let mut connected = TcpStream::connect(server.address()).unwrap();
    connected.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut lines = BufReader::new(connected.try_clone().unwrap()).lines();
    lines.next().unwrap().unwrap();
    server.pause().unwrap();
    connected.write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n").unwrap();
    lines.next().unwrap().unwrap_err();
    server.resume().unwrap();
    let pong = wait_for("the answer", PATIENCE, || match lines.next() {
        Some(Ok(line)) => Ok(line),
        other => Err(format!("{other:?}")),
    });
    assert_eq!(pong.unwrap(), "PONG");
}

#[test]
fn a_store_is_put_back_to_what_it_was() {
    let mut server = NatsServer::start().unwrap();
    server.stop().unwrap();
    let seen = server.store().join("seen");
    std::fs::write(&seen, "once").unwrap();
    let snapshot = server.snapshot_store().unwrap();
    server.wipe_store().unwrap();
    assert!(!seen.exists());
    server.put_back_store(&snapshot).unwrap();
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), "once");
    server.restart().unwrap();
    assert!(server.snapshot_store().is_err(), "a running server's store must not be copied");
}
