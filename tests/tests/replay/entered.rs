//! `moor replay --in-namespace` puts the past into a kernel, and real packets go there as they did then.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use mooring_tests::{
    Namespace, lab,
    probe::{UdpEcho, ping, udp_ask},
    server::program,
    wait_for,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::given::*;

/// For what must come.
const SOON: Duration = Duration::from_secs(20);
/// For what must not come.
const SHORT: Duration = Duration::from_millis(300);
const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 70);
const PORT: u16 = 7000;
/// The internet's side of the router's outside link.
const PEER: Ipv4Addr = lab::CORE;

/// The past in a kernel, as long as this lives.
struct Entered {
    moor: Child,
    router: Namespace,
    inside: Namespace,
    outside: Namespace,
}

impl Entered {
    fn at(data: &Path, position: u64, name: &str) -> Self {
        Self::of(data.as_ref(), position, name)
    }

    /// `whence`: a log where it lies, or flags that say which server.
    fn of(whence: &OsStr, position: u64, name: &str) -> Self {
        // Named as the laboratories are: what a killed run leaves, the next one removes.
        let name = format!("moor-{}-{name}-past", std::process::id());
        let mut moor = Command::new(program("moor").unwrap());
        let at = position.to_string();
        moor.arg("replay").arg(whence).args(["--at", &at, "--vpc", "blue", "--in-namespace", &name]);
        moor.args(["--region", "r1"]);
        let mut moor = moor.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (said, lines) = mpsc::channel();
        let out = BufReader::new(moor.stdout.take().unwrap());
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        let mut text = String::new();
        while !text.contains("until this ends") {
            text.push_str(&lines.recv_timeout(SOON).unwrap());
        }
        assert!(text.contains(&name) && !text.contains("warning"), "{text}");
        let of = |suffix: &str| Namespace::of(&format!("{name}{suffix}"));
        let entered = Self { moor, router: of(""), inside: of("-inside"), outside: of("-outside") };
        entered.router.ip(&format!("address add {}/24 dev out0", lab::GATEWAY_OUTSIDE)).unwrap();
        entered.outside.ip(&format!("address add {PEER}/24 dev eth0")).unwrap();
        entered
    }

    /// An instance with this MAC, its own address and the HAVIP is all there is inside.
    fn instance(&self, mac: &str, address: Ipv4Addr) {
        let (havip, router) = (lab::HAVIP, lab::GATEWAY_INSIDE);
        let lines = format!(
            "link set eth0 down\naddress flush dev eth0\nlink set eth0 address {mac}\nlink set eth0 up\n\
             address add {address}/24 dev eth0\naddress add {havip}/32 dev eth0\nroute add default via {router}"
        );
        self.inside.ip(&lines).unwrap();
    }

    /// Who the outside sees when somebody inside asks from the HAVIP; nobody when nothing passes.
    fn seen(&self, patience: Duration) -> Vec<Ipv4Addr> {
        let at = SocketAddrV4::new(PEER, PORT);
        let server = UdpEcho::start(&self.outside, at, "outside").unwrap();
        let answered = udp_ask(&self.inside, lab::HAVIP, at, b"hello", patience);
        let seen: Vec<_> = server.peers().iter().map(|peer| peer.ip()).collect();
        assert_eq!(answered.is_ok(), !seen.is_empty(), "{answered:?}");
        seen.into_iter()
            .filter_map(|ip| match ip {
                std::net::IpAddr::V4(ip) => Some(ip),
                std::net::IpAddr::V6(_) => None,
            })
            .collect()
    }

    fn files(&self) -> [PathBuf; 3] {
        [&self.router, &self.inside, &self.outside].map(Namespace::path)
    }

    /// Ends as with Ctrl-C.
    fn end(mut self) -> [PathBuf; 3] {
        let files = self.files();
        assert!(files.iter().all(|file| file.exists()));
        kill(Pid::from_raw(self.moor.id().cast_signed()), Signal::SIGINT).unwrap();
        assert!(self.moor.wait().unwrap().success());
        files
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Ok(None) = self.moor.try_wait() {
            let _ = kill(Pid::from_raw(self.moor.id().cast_signed()), Signal::SIGTERM);
            let _ = self.moor.wait();
        }
    }
}

#[test]
fn packets_go_as_they_did_then() {
    let Life { server, photos } = lived();
    let data = server.data();
    let [a, b] = [(lab::MAC_A, lab::VM_A), (lab::MAC_B, lab::VM_B)];
    for (photo, holder, other) in [(&photos[3], a, b), (&photos[4], b, a)] {
        let then = Entered::at(&data, photo.position, "held");
        then.instance(holder.0, holder.1);
        ping(&then.outside, PEER, EIP, 56, SOON).unwrap();
        assert_eq!(then.seen(SOON), [EIP], "at {}", photo.position);
        // What is sent as somebody else's HAVIP is fenced, as it was then.
        then.instance(other.0, other.1);
        assert_eq!(then.seen(SHORT), [] as [Ipv4Addr; 0], "at {}", photo.position);
        let gone = then.end();
        assert!(gone.iter().all(|file| !file.exists()), "{gone:?}");
    }
    // Before it was bound, the EIP was nobody's.
    let then = Entered::at(&data, photos[2].position, "free");
    then.instance(a.0, a.1);
    assert!(ping(&then.outside, PEER, EIP, 56, SHORT).is_err());
    assert_eq!(then.seen(SHORT), [] as [Ipv4Addr; 0]);
}

/// While the system runs, it is asked for its past.
#[test]
fn a_running_systems_past_is_put_into_a_kernel_too() {
    let server = server();
    server.stock().unwrap();
    server.claim(lab::MAC_A).unwrap();
    server.ask("bind web front").unwrap();
    let position = tail(&server);
    server.claim(lab::MAC_B).unwrap();
    server.ask("unbind web").unwrap();
    let whence = format!("--server=http://{}", server.address());
    let then = Entered::of(whence.as_ref(), position, "live");
    then.instance(lab::MAC_A, lab::VM_A);
    ping(&then.outside, PEER, EIP, 56, SOON).unwrap();
    assert_eq!(then.seen(SOON), [EIP]);
    let gone = then.end();
    assert!(gone.iter().all(|file| !file.exists()), "{gone:?}");
}

#[test]
fn only_a_namespace_that_is_made_for_it_is_used() {
    let Life { server, photos } = lived();
    let data = server.data();
    let first = Entered::at(&data, photos[3].position, "only");
    let there = first.router.name().to_owned();
    let line = |name: &str| format!("replay {} --vpc blue --in-namespace {name}", data.display());
    let refusal = refused(&line(&there));
    assert_eq!((refusal.exit, &*refusal.field, &*refusal.in_the_way), (1, "--in-namespace", &*there));
    // Neither is one of which only a neighbour is there.
    let name = there.trim_end_matches("-past");
    let neighbour = format!("{name}-inside");
    let made = Command::new("ip").args(["netns", "add", &neighbour]).status().unwrap();
    assert!(made.success());
    let refusal = refused(&line(name));
    assert!(Command::new("ip").args(["netns", "delete", &neighbour]).status().unwrap().success());
    assert_eq!((refusal.exit, &*refusal.in_the_way), (1, &*neighbour));
    assert!(!Path::new("/run/netns").join(name).exists(), "nothing half made is left");
    for bad in ["../x", "a/b", "a.b"] {
        assert_eq!(refused(&line(bad)).exit, 2, "{bad}");
    }
    first.instance(lab::MAC_A, lab::VM_A);
    assert_eq!(first.seen(SOON), [EIP], "the first one is as it was");
    let files = first.files();
    drop(first);
    wait_for("the namespaces to be gone", SOON, || match files.iter().find(|file| file.exists()) {
        None => Ok(()),
        Some(left) => Err(left.display().to_string()),
    })
    .unwrap();
}
