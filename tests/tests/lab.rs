//! The laboratory itself: if these fail, no other result means anything.

use std::net::SocketAddrV4;
use std::path::Path;
use std::time::Duration;

use mooring_tests::lab::{self, Lab, Namespace};
use mooring_tests::probe::{
    Lane, Mode, Prober, Sniffer, TcpFlow, TcpServer, UdpEcho, Watch, is_private, learned_mtu, ping, sent_by,
    shown, tcp_ask, udp_ask, upload,
};

const PATIENT: Duration = Duration::from_secs(10);
const SOON: Duration = Duration::from_secs(5);
const PORT: u16 = 7000;

fn at(address: std::net::Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, PORT)
}

#[test]
fn keepalived_holds_the_havip_and_fails_over_within_two_seconds() {
    let lab = Lab::new().unwrap();
    let mut a = lab.keepalived(&lab.vm_a, 150, lab::HAVIP).unwrap();
    a.wait_holds(PATIENT).unwrap();
    let b = lab.keepalived(&lab.vm_b, 100, lab::HAVIP).unwrap();
    let _on_a = UdpEcho::start(&lab.vm_a, at(lab::HAVIP), "vm-a").unwrap();
    let _on_b = UdpEcho::start(&lab.vm_b, at(lab::HAVIP), "vm-b").unwrap();

    let inside = udp_ask(&lab.host_c, lab::HOST_C, at(lab::HAVIP), b"hello", SOON).unwrap();
    assert_eq!((inside.server.as_str(), inside.peer.ip()), ("vm-a", &lab::HOST_C));
    let plain = Lane { from: lab::CLIENT_PLAIN, to: at(lab::HAVIP) };
    let prober = Prober::start(&lab.client, &[plain]).unwrap();
    prober.wait_answered(Some("vm-a"), SOON).unwrap();
    let on_gateway = Sniffer::start(&lab.gateway, "in0").unwrap();

    a.kill9().unwrap();
    lab.unplug(&lab.vm_a).unwrap();
    b.wait_holds(PATIENT).unwrap();
    prober.wait_answered(Some("vm-b"), PATIENT).unwrap();

    let outage = prober.finish().remove(0);
    assert_eq!(outage.servers, ["vm-a", "vm-b"]);
    assert!(outage.longest > Duration::ZERO && outage.longest < Duration::from_secs(2), "{outage:?}");
    let announced = on_gateway.wait_for("keepalived's announcement at the gateway", SOON, |frame| {
        frame.arp().is_some_and(|arp| arp.is_gratuitous() && arp.sender == lab::HAVIP)
    });
    assert_eq!(announced.unwrap().source_mac, [2, 0, 0, 0, 1, 0x0b]);
    assert!(lab.vm_a.has_address(lab::HAVIP).unwrap(), "a kill leaves the address on the link");
    println!("failover behind the plain router: {outage:?}");
}

#[test]
fn an_orderly_stop_takes_the_havip_off_the_link() {
    let lab = Lab::new().unwrap();
    let mut a = lab.keepalived(&lab.vm_a, 150, lab::HAVIP).unwrap();
    a.wait_holds(PATIENT).unwrap();
    a.stop().unwrap();
    assert!(!lab.vm_a.has_address(lab::HAVIP).unwrap());
}

#[test]
fn the_plain_router_carries_udp_tcp_icmp_and_path_mtu() {
    let lab = Lab::new().unwrap();
    let _echo = TcpServer::start(&lab.vm_a, at(lab::VM_A), "vm-a", Mode::Echo).unwrap();
    let sink = TcpServer::start(&lab.client, at(lab::CLIENT_PLAIN), "client", Mode::Sink).unwrap();
    let on_core = Sniffer::start(&lab.core, "plain").unwrap();

    ping(&lab.client, lab::CLIENT_PLAIN, lab::VM_A, 56, SOON).unwrap();
    on_core.wait_for("the echo request", SOON, |f| f.ip().is_some_and(|ip| ip.ports == (8, 0))).unwrap();
    let greeted = tcp_ask(&lab.client, lab::CLIENT_PLAIN, at(lab::VM_A), SOON).unwrap();
    assert_eq!((greeted.server.as_str(), greeted.peer.ip()), ("vm-a", &lab::CLIENT_PLAIN));
    let refused = udp_ask(&lab.client, lab::CLIENT_PLAIN, at(lab::VM_A), b"?", SOON).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    let flow = TcpFlow::start(&lab.client, lab::CLIENT_PLAIN, at(lab::VM_A), SOON).unwrap();
    lab.unplug(&lab.plain).unwrap();
    flow.expect_dead(Duration::from_millis(100)).unwrap();
    lab.plug(&lab.plain).unwrap();
    flow.wait_progress(PATIENT).unwrap();

    lab.set_middle_mtu(1300).unwrap();
    assert_eq!(learned_mtu(&lab.vm_a, lab::VM_A, lab::CLIENT_PLAIN).unwrap(), None);
    let sent = upload(&lab.vm_a, lab::VM_A, at(lab::CLIENT_PLAIN), 2_000_000, PATIENT).unwrap();
    assert_eq!(sent.receiver.peer.ip(), &lab::VM_A);
    assert_eq!(sink.peers().len(), 1);
    assert_eq!(learned_mtu(&lab.vm_a, lab::VM_A, lab::CLIENT_PLAIN).unwrap(), Some(1300));
}

#[test]
fn without_mooring_the_first_address_of_the_client_reaches_nothing_inside() {
    let lab = Lab::new().unwrap();
    ping(&lab.client, lab::CLIENT, lab::GATEWAY_OUTSIDE, 56, SOON).unwrap();
    ping(&lab.vm_a, lab::VM_A, lab::GATEWAY_INSIDE, 56, SOON).unwrap();
    let short = Duration::from_millis(200);
    assert!(ping(&lab.client, lab::CLIENT, lab::VM_A, 56, short).is_err());
    assert!(ping(&lab.client, lab::CLIENT, lab::FIRST_EIP, 56, short).is_err());
}

/// What other tests say with "nothing came" is worth something only if this watcher sees what comes.
#[test]
fn a_gateway_without_mooring_lets_private_addresses_out_and_the_watch_sees_it() {
    let lab = Lab::new().unwrap();
    let watch = Watch::start(&lab).unwrap();
    let sent = watch.send(&lab.vm_a, lab::MAC_A, lab::VM_A).unwrap();
    let seen = watch.passed(is_private).unwrap();
    let leaked = seen.iter().filter(|frame| sent_by(frame, lab::VM_A)).count();
    // Each once behind the gateway and once at the client.
    assert_eq!(leaked, 2 * sent, "{}", shown(&seen));
}

#[test]
fn two_laboratories_stand_side_by_side_and_leave_nothing() {
    let (one, two) = (Lab::new().unwrap(), Lab::new().unwrap());
    let mut paths: Vec<_> =
        [&one, &two].iter().flat_map(|lab| lab.namespaces().map(Namespace::path)).collect();
    paths.extend([one.folder().to_owned(), two.folder().to_owned()]);
    let _held = two.keepalived(&two.vm_a, 100, lab::HAVIP).unwrap();
    _held.wait_holds(PATIENT).unwrap();
    assert!(!one.vm_a.has_address(lab::HAVIP).unwrap());
    let mut stray = two.vm_b.command("sleep").arg("60").spawn().unwrap();
    assert!(paths.iter().all(|path| path.exists()));
    drop(one);
    drop(two);
    let left: Vec<_> = paths.iter().filter(|path| path.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!stray.wait().unwrap().success(), "the stray process was killed");
}

#[test]
fn a_panic_leaves_nothing_and_so_does_a_dead_owner() {
    let panicked = std::panic::catch_unwind(|| {
        let lab = Lab::new().unwrap();
        std::panic::panic_any(lab.vm_a.path());
    });
    let path = *panicked.unwrap_err().downcast::<std::path::PathBuf>().unwrap();
    assert!(!path.exists());

    // A pid above the kernel's largest belongs to nobody, ever.
    let orphan = format!("moor-{}-0-dead-client", u32::MAX);
    let added = std::process::Command::new("ip").args(["netns", "add", &orphan]).status().unwrap();
    assert!(added.success());
    lab::sweep_dead().unwrap();
    assert!(!Path::new("/run/netns").join(orphan).exists());
}
