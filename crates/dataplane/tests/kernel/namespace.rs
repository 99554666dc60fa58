//! A namespace of a test's own: two links, `in0` and `out0`, whose other ends `vm0` and `net0` are in it too.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read as _, Write as _},
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use mooring_dataplane::{Driver as _, Kernel, Place};
use mooring_domain::{
    Position,
    address::Mac,
    nat::{VpcDesired, diff},
};
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Who holds 10.0.1.50: the MAC of `vm0`.
pub const HOLDER: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const POOL: &str = "203.0.113.64/27";

/// Deleted when dropped, also by a test that fails.
pub struct Namespace {
    name: String,
}

impl Namespace {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = Self { name: format!("moor-{}-{count}-dataplane", process::id()) };
        run("ip", &["netns", "add", &namespace.name]);
        namespace
            .ip("link add in0 address 02:00:00:00:00:01 type veth peer name vm0 address 02:00:00:00:00:0a");
        namespace.ip("link add out0 address 02:00:00:00:00:02 type veth peer name net0");
        namespace.ip("address add 10.0.1.1/24 dev in0");
        namespace.ip("address add 203.0.113.1/24 dev out0");
        for link in ["lo", "in0", "vm0", "out0", "net0"] {
            namespace.ip(&format!("link set {link} up"));
        }
        namespace.settled();
        namespace
    }

    /// The kernel says only after a while that a link has a carrier, and that is a change of it.
    fn settled(&self) {
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let links = self.ip("-o link show up");
            if links.lines().filter(|link| link.contains("state UP")).count() == 4 {
                return;
            }
            assert!(Instant::now() < end, "links without a carrier:\n{links}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn place(&self) -> Place {
        Place {
            netns: Some(self.name.clone()),
            inside: "in0".to_owned(),
            outside: "out0".to_owned(),
            arp: true,
            hairpin: false,
        }
    }

    /// A driver whose kernel is equal to [`desired`].
    pub fn reconciled(&self) -> Kernel {
        let mut kernel = Kernel::open(&self.place()).unwrap();
        let ops = diff(&desired(), &pools(), &kernel.read().unwrap());
        kernel.apply(&ops).unwrap();
        assert_eq!(diff(&desired(), &pools(), &kernel.read().unwrap()), []);
        kernel
    }

    /// `ip`, inside, with the words of this line; what it printed.
    pub fn ip(&self, line: &str) -> String {
        let mut words = vec!["-n", &self.name];
        words.extend(line.split_whitespace());
        run("ip", &words)
    }

    /// Send a frame through one of the four links, Ethernet header included.
    pub fn send(&self, link: &str, frame: &[u8]) {
        self.send_all(link, &[frame.to_vec()]);
    }

    /// Send frames, one after the other.
    pub fn send_all(&self, link: &str, frames: &[Vec<u8>]) {
        let socket = self.packet_socket(link, 0);
        for frame in frames {
            socket.send(frame).unwrap();
        }
    }

    /// Hear the ARP that comes in through a link, from now on.
    pub fn listen(&self, link: &str) -> Heard {
        let socket = self.packet_socket(link, 0x0806);
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Heard(socket)
    }

    #[allow(unsafe_code, reason = "no crate we have makes a link-layer address")]
    fn packet_socket(&self, link: &str, protocol: u16) -> Socket {
        let index = self.ip(&format!("-o link show dev {link}"));
        let index: i32 = index.split(':').next().unwrap().parse().unwrap();
        let file = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let inside = || {
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0))).unwrap()
        };
        let socket = thread::spawn(inside).join().unwrap();
        let (_, address) = unsafe {
            // SAFETY: the storage is larger than a `sockaddr_ll`, and the length is that one's.
            SockAddr::try_init(|storage, length| {
                let address = storage.cast::<libc::sockaddr_ll>();
                (*address).sll_family = libc::AF_PACKET as u16;
                (*address).sll_protocol = protocol.to_be();
                (*address).sll_ifindex = index;
                *length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
                Ok(())
            })
        }
        .unwrap();
        socket.bind(&address).unwrap();
        socket
    }

    /// Sets a kernel parameter inside.
    pub fn sysctl(&self, key: &str, value: &str) {
        let write = format!("echo {value} > /proc/sys/{}", key.replace('.', "/"));
        run("ip", &["netns", "exec", &self.name, "sh", "-c", &write]);
    }

    /// `nft`, inside, with this command; what it printed.
    pub fn nft(&self, command: &str) -> String {
        run("ip", &["netns", "exec", &self.name, "nft", "-a", command])
    }

    /// The same for what is too long for a command, as one transaction.
    pub fn nft_all(&self, commands: &str) {
        let mut nft = Command::new("ip");
        nft.args(["netns", "exec", &self.name, "nft", "-f", "-"]).stdin(Stdio::piped());
        let mut nft = nft.spawn().unwrap();
        nft.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success());
    }
}

/// What comes in through a link.
pub struct Heard(Socket);

impl Heard {
    /// The next frames, as long as ARP is.
    pub fn frames(&self, count: usize) -> Vec<Vec<u8>> {
        let frame = |_| {
            let mut frame = [0; 42];
            (&self.0).read_exact(&mut frame).unwrap();
            frame.to_vec()
        };
        (0..count).map(frame).collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn run(program: &str, words: &[&str]) -> String {
    let output = Command::new(program).args(words).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {words:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// A VPC with an EIP on a held HAVIP, and a HAVIP that nobody holds.
pub fn desired() -> VpcDesired {
    let mut vpc = VpcDesired::new("shop".parse().unwrap(), "front".parse().unwrap(), Position(1));
    vpc.subnets.insert("10.0.1.0/24".parse().unwrap());
    vpc.nat.insert([203, 0, 113, 64].into(), [10, 0, 1, 50].into());
    vpc.holders.insert([10, 0, 1, 50].into(), Some(HOLDER));
    vpc.holders.insert([10, 0, 1, 60].into(), None);
    vpc
}

/// The region's pools.
pub fn pools() -> BTreeSet<IpNet> {
    [POOL.parse().unwrap()].into()
}
