//! TCP, fragments and a narrow link through a gateway, beside the same through a plain router. No core is anybody's own here:
//! both ends of a stream and the gateway share all of them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mooring_domain::nat::Op;
use serde_json::Value;

use super::super::elements::{FIRST_EIP, FIRST_HAVIP};
use super::super::figure::Figure;
use super::super::report::Report;
use super::super::shares::Shares;
use super::{BENCH, Packets, way};
use crate::lab::{Line, line::LINE_OUTSIDE};
use crate::probe::tcp_connect;
use crate::wait::wait_for;

const PORT: u16 = 5201;
const PATIENCE: Duration = Duration::from_secs(10);
/// In bytes; a link of the internet that is narrower than both ends know.
const NARROW: u16 = 1400;

/// One line with a HAVIP, which is reached at an address.
struct Reached {
    line: Line,
    at: Ipv4Addr,
    name: &'static str,
}

/// A stream that iperf3 sends.
struct Transfer {
    name: &'static str,
    arguments: &'static [&'static str],
    narrow: bool,
}

const TRANSFERS: [Transfer; 5] = [
    Transfer { name: "TCP to the EIP", arguments: &[], narrow: false },
    Transfer { name: "TCP from behind the EIP", arguments: &["-R"], narrow: false },
    Transfer {
        name: "UDP in fragments (8 000 bytes each) to the EIP",
        arguments: &["-u", "-b", "0", "-l", "8000"],
        narrow: false,
    },
    Transfer { name: "TCP to the EIP, over a link of 1 400 bytes", arguments: &[], narrow: true },
    Transfer {
        name: "TCP from behind the EIP, over a link of 1 400 bytes",
        arguments: &["-R"],
        narrow: true,
    },
];

/// Round trips and throughput, ours with as many bindings as there are at most.
pub fn measure(sizes: &Packets, report: &mut Report) -> Result<()> {
    let bindings = sizes.bindings.iter().copied().max().unwrap_or(1);
    let plain = Reached::make(FIRST_HAVIP, "plain forwarding", |line| {
        way::fill(line, 1, |op| matches!(op, Op::SetNeighbour(..)))
    })?;
    let ours = Reached::make(FIRST_EIP, "ours", |line| way::fill(line, bindings, |_| true))?;
    let trips = if sizes.streams == 0 { 200 } else { 20_000 };
    let peer = plain.round_trips(trips)?;
    let own = ours.round_trips(trips)?;
    for percent in [50, 99] {
        let case = |name: &str| format!("a byte there and back over TCP, p{percent}: {name}");
        let figure = |name, value| Figure::new(BENCH, case(name), value, "µs");
        report.enter(figure(plain.name, peer.at(percent)))?;
        report.enter(figure(ours.name, own.at(percent)).beside(plain.name, peer.at(percent)))?;
    }
    if sizes.streams == 0 {
        return Ok(());
    }
    for transfer in TRANSFERS {
        let (mut peer, mut own) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            peer.push(plain.transfer(&transfer, sizes.streams)?);
            own.push(ours.transfer(&transfer, sizes.streams)?);
        }
        let (peer, own) = (super::median(peer), super::median(own));
        let figure = |name, value| Figure::new(BENCH, format!("{}: {name}", transfer.name), value, "Gbit/s");
        report.enter(figure(plain.name, peer))?;
        report.enter(figure(ours.name, own).beside(plain.name, peer))?;
    }
    Ok(())
}

impl Reached {
    fn make(at: Ipv4Addr, name: &'static str, fill: impl Fn(&Line) -> Result<()>) -> Result<Reached> {
        let line = Line::new()?;
        fill(&line)?;
        line.inside.ip(&format!("address add {FIRST_HAVIP}/32 dev eth0\n"))?;
        line.inside.ip(&format!("route replace default via 10.0.0.1 src {FIRST_HAVIP}\n"))?;
        Ok(Reached { line, at, name })
    }

    /// In µs.
    fn round_trips(&self, count: usize) -> Result<Shares> {
        let listener = self.line.inside.run(|| TcpListener::bind((FIRST_HAVIP, PORT)))??;
        let server = std::thread::spawn(move || -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            let mut byte = [0];
            while stream.read(&mut byte)? == 1 {
                stream.write_all(&byte)?;
            }
            Ok(())
        });
        let mut stream = self.connect()?;
        let (mut times, mut byte) = (Vec::with_capacity(count), [7]);
        for _ in 0..count {
            let begin = Instant::now();
            stream.write_all(&byte)?;
            stream.read_exact(&mut byte)?;
            times.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        drop(stream);
        server.join().ok().context("the server panicked")??;
        Ok(Shares::of(times))
    }

    fn connect(&self) -> Result<TcpStream> {
        let stream =
            tcp_connect(&self.line.outside, LINE_OUTSIDE, SocketAddrV4::new(self.at, PORT), PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// In Gbit/s, what came to the receiver.
    fn transfer(&self, transfer: &Transfer, seconds: u32) -> Result<f64> {
        let mtu = if transfer.narrow { NARROW } else { 1500 };
        self.line.gateway.ip(&format!("link set out0 mtu {mtu}\n"))?;
        let _server = Server::start(self)?;
        let (at, seconds) = (self.at.to_string(), seconds.to_string());
        let mut client = self.line.outside.command("iperf3");
        client.args(["-c", &at, "-J", "-t", &seconds]).args(transfer.arguments);
        let done = client.stdin(Stdio::null()).output()?;
        let said: Value = serde_json::from_slice(&done.stdout).context("iperf3")?;
        ensure!(done.status.success(), "iperf3: {}", said["error"]);
        let received = &said["end"]["sum_received"]["bits_per_second"];
        let all = received.as_f64().filter(|bits| *bits > 0.0);
        Ok(all.or(said["end"]["sum"]["bits_per_second"].as_f64()).context("iperf3 says nothing")? / 1e9)
    }
}

/// An iperf3 that serves one client.
struct Server(Child);

impl Server {
    fn start(reached: &Reached) -> Result<Server> {
        let mut command: Command = reached.line.inside.command("iperf3");
        command.args(["-s", "-1", "-B", &FIRST_HAVIP.to_string()]);
        let server = Server(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().context("iperf3")?);
        wait_for("iperf3 to listen", PATIENCE, || {
            let listening = reached.line.inside.output("ss -Hltn").map_err(|error| format!("{error:#}"))?;
            let port = format!(":{PORT}");
            if listening.contains(&port) { Ok(()) } else { Err(listening) }
        })?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
