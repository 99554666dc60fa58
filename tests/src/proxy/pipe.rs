//! One direction of one connection: bytes wait in a line until they are due and the way is open.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Way, Weather};

/// Pieces that may wait; the sender's TCP window closes after that.
const LINE: usize = 1024;
const PIECE: usize = 16 * 1024;

/// Until one end is closed; then the other is, when everything has arrived.
pub(super) async fn run(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
    way: impl Fn(&Weather) -> Way,
) {
    let (sender, mut line) = mpsc::channel::<(Instant, Vec<u8>)>(LINE);
    let delay = weather.clone();
    let delay = || match way(&delay.borrow()) {
        Way::Open(delay) => delay,
        Way::Silent => Duration::ZERO,
    };
    let reads = async {
        let mut buffer = vec![0; PIECE];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let due = Instant::now() + delay();
            if sender.send((due, buffer[..length].to_vec())).await.is_err() {
                return;
            }
        }
        drop(sender);
    };
    let writes = async {
        while let Some((due, piece)) = line.recv().await {
            sleep_until(due).await;
            let open = weather.wait_for(|weather| way(weather) != Way::Silent).await.map(drop);
            if open.is_err() || to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reads, writes);
}

#[cfg(test)]
mod stories {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::proxy::Proxy;

    const SHORT: Duration = Duration::from_millis(100);

    /// Somebody who says everything back, and a proxy in front.
    fn proxy() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
            }
        });
        Proxy::start(&address).unwrap()
    }

    fn connect(proxy: &Proxy) -> TcpStream {
        let stream = TcpStream::connect(proxy.address()).unwrap();
        stream.set_read_timeout(Some(SHORT)).unwrap();
        stream
    }

    fn ask(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_all(b"x")?;
        hear(stream)
    }

    fn hear(stream: &mut TcpStream) -> std::io::Result<u8> {
        let mut answer = [0];
        stream.read_exact(&mut answer).map(|()| answer[0])
    }

    #[test]
    fn what_is_silent_arrives_later() {
        let proxy = proxy();
        let mut stream = connect(&proxy);
        assert_eq!(ask(&mut stream).unwrap(), b'x');
        for silent in [Weather::SILENT, Weather::SILENT_THERE, Weather::SILENT_BACK] {
            proxy.weather(silent);
            assert!(ask(&mut stream).is_err(), "{silent:?}");
            proxy.weather(Weather::FAIR);
            stream.set_read_timeout(None).unwrap();
            assert_eq!(hear(&mut stream).unwrap(), b'x', "{silent:?}");
            stream.set_read_timeout(Some(SHORT)).unwrap();
        }
        assert_eq!(proxy.accepted(), 1);
    }

    #[test]
    fn what_is_cut_is_closed_and_lets_nobody_in_until_it_is_fair_again() {
        let proxy = proxy();
        let mut stream = connect(&proxy);
        assert_eq!(ask(&mut stream).unwrap(), b'x');
        proxy.weather(Weather::CUT);
        stream.set_read_timeout(None).unwrap();
        assert!(hear(&mut stream).is_err());
        assert!(ask(&mut connect(&proxy)).is_err());
        proxy.weather(Weather::FAIR);
        let mut again = connect(&proxy);
        again.set_read_timeout(None).unwrap();
        assert_eq!(ask(&mut again).unwrap(), b'x');
    }

    #[test]
    fn what_is_slow_comes_late_in_both_directions() {
        let proxy = proxy();
        let mut stream = connect(&proxy);
        stream.set_read_timeout(None).unwrap();
        proxy.weather(Weather::slow(SHORT));
        let begin = Instant::now();
        assert_eq!(ask(&mut stream).unwrap(), b'x');
        assert!(begin.elapsed() >= 2 * SHORT, "{:?}", begin.elapsed());
    }
}
