//! Somebody else changes what is Mooring's: it is mended at once, and said. What is theirs stays as it is.

use std::{
    net::{SocketAddrV4, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use mooring_tests::{
    Namespace, lab,
    probe::{Frame, Sniffer, sent_by},
    server::Options,
    wait_for,
};

use crate::stage::{EIP, PATIENT, SOON, Stage, content, traces, wait_content};

/// What somebody does, and a word that the log says about what was found.
type Tampering = (&'static str, fn(&Namespace) -> Result<()>, &'static str);

const TAMPERINGS: &[Tampering] = &[
    ("an element deleted", |at| nft(at, "delete element ip mooring eip_to_havip { 203.0.113.70 }"), "MapEip"),
    (
        "an element added",
        |at| nft(at, "add element ip mooring eip_to_havip { 203.0.113.71 : 10.0.1.60 }"),
        "UnmapEip",
    ),
    (
        "an element changed",
        |at| {
            nft(
                at,
                "delete element ip mooring eip_to_havip { 203.0.113.70 }; \
                 add element ip mooring eip_to_havip { 203.0.113.70 : 10.0.1.60 }",
            )
        },
        "MapEip",
    ),
    ("a set emptied", |at| nft(at, "flush map ip mooring havip_to_eip"), "MapHavip"),
    ("a rule deleted", delete_a_rule, "MakeRuleset"),
    ("a rule added", |at| nft(at, "insert rule ip mooring prerouting accept"), "MakeRuleset"),
    ("a table flushed", |at| nft(at, "flush table ip mooring"), "MakeRuleset"),
    ("a table deleted", |at| nft(at, "delete table ip mooring"), "MakeRuleset"),
    ("the fence deleted", |at| nft(at, &format!("delete table {}", fence(at)?)), "MakeRuleset"),
    ("a route deleted", |at| at.ip("route del local 203.0.113.70 dev out0 table local"), "AddRoute"),
    (
        "a route of ours added",
        |at| at.ip("route add local 203.0.113.72 dev out0 table local proto 77"),
        "RemoveRoute",
    ),
    ("a neighbour deleted", |at| at.ip("neigh del 10.0.1.50 dev in0"), "SetNeighbour"),
    (
        "a neighbour changed",
        |at| at.ip("neigh replace 10.0.1.50 lladdr 02:00:00:00:01:0c dev in0 nud permanent"),
        "SetNeighbour",
    ),
    (
        "a neighbour taken over",
        |at| at.ip("neigh replace 10.0.1.50 lladdr 02:00:00:00:01:0c dev in0 nud reachable protocol static"),
        "SetNeighbour",
    ),
    (
        "a neighbour of ours added",
        |at| at.ip("neigh add 10.0.1.77 lladdr 02:00:00:00:01:0c dev in0 nud permanent protocol 77"),
        "RemoveNeighbour",
    ),
];

fn nft(at: &Namespace, commands: &str) -> Result<()> {
    let done = at.command("nft").arg(commands).output()?;
    ensure!(done.status.success(), "nft {commands}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// The fence's table with its family.
fn fence(at: &Namespace) -> Result<String> {
    let tables = at.output("nft list tables")?;
    let line = tables.lines().find(|line| line.ends_with(" mooring_fence"));
    Ok(line.and_then(|line| line.strip_prefix("table ")).context("there is no fence")?.to_owned())
}

fn delete_a_rule(at: &Namespace) -> Result<()> {
    let (mut chain, listed) = (String::new(), at.output("nft -a list table ip mooring")?);
    for line in listed.lines() {
        if let Some(name) = line.trim().strip_prefix("chain ") {
            chain = name.split(' ').next().unwrap_or_default().to_owned();
        } else if let Some((rule, handle)) = line.split_once(" # handle ")
            && !chain.is_empty()
            && !rule.contains("type ")
        {
            return nft(at, &format!("delete rule ip mooring {chain} handle {handle}"));
        }
    }
    anyhow::bail!("there is no rule:\n{listed}")
}

/// A table, a route and a neighbour of somebody else.
fn strangers(at: &Namespace) -> Result<()> {
    nft(
        at,
        "add table ip strange; add set ip strange kept { type ipv4_addr; }; add element ip strange kept { 203.0.113.70 }",
    )?;
    at.ip("route add local 203.0.113.80 dev out0 table local proto static\n\
         route add 203.0.113.81 dev out0\n\
         neigh add 10.0.1.90 lladdr 02:00:00:00:01:99 dev in0 nud permanent\n\
         neigh add 10.0.1.91 lladdr 02:00:00:00:01:98 dev in0 nud permanent protocol static")
}

#[test]
fn what_somebody_changes_is_mended_within_a_second_and_said() {
    let stage = Stage::carrying().unwrap();
    let gateway = &stage.lab.gateway;
    strangers(gateway).unwrap();
    let theirs = gateway.output("nft -a list table ip strange").unwrap();
    let wanted = content(gateway).unwrap();
    for (what, tamper, word) in TAMPERINGS {
        let before = stage.server.log().len();
        tamper(gateway).unwrap();
        let took = wait_content(gateway, &wanted).unwrap();
        eprintln!("{what}: mended after {took:?}");
        assert!(took < SOON, "{what}: mended after {took:?}");
        wait_for("the log to say so", PATIENT, || {
            let log = stage.server.log()[before..].to_owned();
            let drifts: Vec<_> = log.lines().filter(|line| line.contains("the kernel had drifted")).collect();
            let found = drifts.iter().any(|line| line.contains(word) && line.contains("found="));
            if found && drifts.len() <= 3 { Ok(()) } else { Err(format!("{what}: no {word} in {log}")) }
        })
        .unwrap();
        assert_eq!(stage.who().unwrap(), "vm-a", "{what}");
    }
    assert_eq!(gateway.output("nft -a list table ip strange").unwrap(), theirs);
    stage.wait_agree().unwrap();
}

/// Our own changes are told to us too: they are no drift, and nothing is read again because of them.
#[test]
fn what_the_gateway_itself_changes_is_no_drift_and_done_when_it_says_so() {
    let wrapper = ["env", "MOORING_AUDIT_EVERY=0s", "MOORING_LOG=info,mooring_dataplane_sync=debug"]
        .map(str::to_owned)
        .to_vec();
    let stage = Stage::carrying_with(Options { wrapper, ..Options::default() }).unwrap();
    let gateway = &stage.lab.gateway;
    let read = stage.said("the kernel is read back");
    assert_eq!(read, 1, "{}", stage.server.log());
    for _ in 0..10 {
        stage.server.ask("unbind web").unwrap();
        assert_eq!(traces(gateway, EIP).unwrap(), Vec::<String>::new(), "the unbind was said to be over");
        stage.server.ask("bind web front --wait").unwrap();
        assert_eq!(stage.who().unwrap(), "vm-a", "the bind was said to be applied");
    }
    stage.lab.move_address(lab::HAVIP, &stage.lab.vm_a, &stage.lab.vm_b).unwrap();
    stage.wait_moved_to(&stage.lab.vm_b).unwrap();
    assert_eq!(stage.who().unwrap(), "vm-b");
    stage.wait_agree().unwrap();
    assert_eq!(stage.said("the kernel is read back"), read, "{}", stage.server.log());
    assert_eq!(stage.said("drifted"), 0, "{}", stage.server.log());
}

/// Somebody deletes the translating table while an instance sends from its own address, a packet each millisecond.
#[test]
fn without_our_table_nothing_private_leaves_for_longer_than_a_second() {
    let stage = Stage::carrying().unwrap();
    let gateway = &stage.lab.gateway;
    let outside = Sniffer::start(&stage.lab.core, "gateway").unwrap();
    let inside = Sniffer::start(gateway, "in0").unwrap();
    let from_vm = |frame: &Frame| sent_by(frame, lab::VM_A) && frame.ip().is_some_and(|ip| ip.protocol == 17);
    let entered = || inside.select(|frame| !frame.outgoing && from_vm(frame)).len();
    let left = || outside.select(|frame| !frame.outgoing && from_vm(frame)).len();
    let sender = Sender::start(&stage.lab.vm_a).unwrap();
    sender.wait_more(20, &entered).unwrap();
    let wanted = content(gateway).unwrap();
    let before = entered();
    nft(gateway, "delete table ip mooring").unwrap();
    let took = wait_content(gateway, &wanted).unwrap();
    let during = entered() - before;
    let leaked = left();
    sender.wait_more(50, &entered).unwrap();
    drop(sender);
    assert_eq!(stage.who().unwrap(), "vm-a", "behind all of them");
    eprintln!("the table was back after {took:?}: {leaked} of {during} private packets left meanwhile");
    assert!(took < SOON, "{took:?}");
    assert!(leaked <= during + 1, "{leaked} left, {during} came while the table was gone");
    assert_eq!(left(), leaked, "and none once it was back");
}

/// Sends a datagram from vm-a's own address to the client every millisecond.
struct Sender {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sender {
    fn start(vm: &Namespace) -> Result<Sender> {
        let socket = vm.run(|| UdpSocket::bind((lab::VM_A, 0)))??;
        let stop = Arc::new(AtomicBool::new(false));
        let its = stop.clone();
        let thread = thread::spawn(move || {
            while !its.load(Ordering::Relaxed) {
                // A refusal that an earlier one met is reported here.
                let _ = socket.send_to(b"private", SocketAddrV4::new(lab::CLIENT, 53));
                thread::sleep(Duration::from_millis(1));
            }
        });
        Ok(Sender { stop, thread: Some(thread) })
    }

    fn wait_more(&self, count: usize, entered: &dyn Fn() -> usize) -> Result<()> {
        let begin = entered();
        wait_for("packets to reach the gateway", PATIENT, || match entered() - begin {
            enough if enough >= count => Ok(()),
            few => Err(format!("{few} of {count}")),
        })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
