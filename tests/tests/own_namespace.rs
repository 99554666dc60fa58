//! A flat network without namespaces: the host's own namespace is the only VPC's router. A namespace of the laboratory
//! plays the host, with a whole `mooringd` in it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    time::Duration,
};

use anyhow::Result;
use mooring_tests::{
    Lab, Mooringd, lab,
    probe::{Lane, Prober, Sniffer, UdpEcho, ping, udp_ask},
    server::Options,
    wait_for,
};

/// For what may be slow on a busy machine.
const PATIENT: Duration = Duration::from_secs(15);
/// For what must not come.
const SHORT: Duration = Duration::from_millis(300);
const PORT: u16 = 7000;
const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 70);
/// Of the pool, and never allocated.
const NEVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 90);

/// A host that is the gateway; `bind web front` is all that is left to do.
struct Host {
    server: Mooringd,
    _service: UdpEcho,
    lab: Lab,
}

fn at(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, PORT)
}

impl Host {
    fn stocked() -> Result<Host> {
        let lab = Lab::new()?;
        lab.vm_a.ip(&format!("address add {}/32 dev eth0", lab::HAVIP))?;
        let service = UdpEcho::start(&lab.vm_a, at(lab::HAVIP), "vm-a")?;
        let options = Options { host: Some(lab.gateway.clone()), ..Options::default() };
        let places = "[[vpc]]\nname = \"*\"\ninside = \"in0\"\noutside = \"out0\"\n";
        let server = Mooringd::start_in(lab.folder(), places, options)?;
        server.stock()?;
        Ok(Host { server, _service: service, lab })
    }

    fn carrying() -> Result<Host> {
        let host = Host::stocked()?;
        host.server.ask("bind web front --wait")?;
        host.wait_carried()?;
        Ok(host)
    }

    fn reached(&self, eip: Ipv4Addr) -> bool {
        udp_ask(&self.lab.client, lab::CLIENT, at(eip), b"who", SHORT).is_ok()
    }

    fn wait_carried(&self) -> Result<()> {
        wait_for("vm-a to answer at the EIP", PATIENT, || {
            if self.reached(EIP) { Ok(()) } else { Err(format!("{:?}", self.server.moor("status --verify"))) }
        })
    }

    /// Waits until every table was read back and agrees, and returns what `moor status` said.
    fn agrees(&self) -> Result<String> {
        wait_for("kernel and fold to agree", PATIENT, || match self.server.moor("status --verify") {
            Ok(answer) if answer.exit == 0 => Ok(answer.out),
            other => Err(format!("{other:?}")),
        })
    }

    /// Unbinds, and waits until the EIP is free: no gateway has it any more.
    fn unbind(&self) -> Result<()> {
        self.server.ask("unbind web")?;
        wait_for("the EIP to be free", PATIENT, || match self.server.ask("eip get web") {
            Ok(eip) if eip["state"] == "AVAILABLE" => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        self.agrees().map(drop)
    }

    /// Packets dropped for this reason.
    fn dropped(&self, reason: &str) -> Result<u64> {
        let drops = self.server.ask("gateway drops")?;
        let of = |drop: &&serde_json::Value| drop["reason"] == reason;
        let count = drops.as_array().and_then(|drops| drops.iter().find(of)).map(|drop| &drop["packets"]);
        Ok(count.and_then(serde_json::Value::as_u64).unwrap_or_default())
    }
}

/// The host's own addresses, tables and services are its own.
#[test]
fn the_hosts_own_namespace_carries_a_vpc_and_stays_the_hosts() {
    let host = Host::stocked().unwrap();
    let gateway = &host.lab.gateway;
    for line in [
        "add table inet hosts",
        "add chain inet hosts input { type filter hook input priority 0 ; policy accept ; }",
        "add rule inet hosts input ct state invalid drop",
    ] {
        gateway.output(&format!("nft {line}")).unwrap();
    }
    let before = gateway.output("nft list table inet hosts").unwrap();
    host.server.ask("bind web front --wait").unwrap();
    host.wait_carried().unwrap();
    let status = host.agrees().unwrap();
    assert!(status.contains("the host's own namespace") && !status.contains("warning"), "{status}");
    // F2: as the EIP outside, and nothing private.
    let client = UdpEcho::start(&host.lab.client, at(lab::CLIENT), "client").unwrap();
    udp_ask(&host.lab.vm_a, lab::HAVIP, at(lab::CLIENT), b"me", PATIENT).unwrap();
    assert_eq!(client.peers().iter().map(|peer| peer.ip()).collect::<Vec<_>>(), [EIP]);
    assert!(udp_ask(&host.lab.vm_a, lab::VM_A, at(lab::CLIENT), b"me", SHORT).is_err());
    assert_eq!(host.dropped("private_source").unwrap(), 1);
    // The host is reached as it was, by its own address and from it.
    ping(&host.lab.client, lab::CLIENT, lab::GATEWAY_OUTSIDE, 56, PATIENT).unwrap();
    ping(gateway, lab::GATEWAY_OUTSIDE, lab::CLIENT, 56, PATIENT).unwrap();
    ping(gateway, lab::GATEWAY_INSIDE, lab::HAVIP, 56, PATIENT).unwrap();
    assert_eq!(gateway.output("nft list table inet hosts").unwrap(), before);
    host.unbind().unwrap();
    assert!(!host.reached(EIP));
    host.agrees().unwrap();
}

/// As Docker does on a host with `iptables-nft`: said with the chain's name, and the operator's one rule mends it.
#[test]
fn a_hosts_firewall_that_drops_what_is_untracked_is_named_in_the_status() {
    let host = Host::carrying().unwrap();
    let nft = |line: &str| host.lab.gateway.output(&format!("nft {line}")).unwrap();
    nft("add table ip filter");
    nft("add chain ip filter FORWARD { type filter hook forward priority 0 ; policy drop ; }");
    nft("add rule ip filter FORWARD ct state established,related accept");
    assert!(!host.reached(EIP), "the chain drops it");
    let foreign = host.lab.gateway.output("nft list table ip filter").unwrap();
    let status = host.agrees().unwrap();
    for direction in ["from out0 to in0", "from in0 to out0"] {
        let words = format!(
            "warning: VPC blue: chain FORWARD of table ip filter (forward) drops what goes {direction}"
        );
        assert!(status.contains(&words), "{status}");
    }
    assert_eq!(host.lab.gateway.output("nft list table ip filter").unwrap(), foreign);
    // Also without `--verify`, from then on, and in JSON.
    let json = host.server.ask("status").unwrap();
    assert_eq!(json["status"]["vpcs"][0]["warnings"].as_array().map(Vec::len), Some(2), "{json}");
    nft("insert rule ip filter FORWARD ct state untracked accept");
    host.wait_carried().unwrap();
    assert!(!host.agrees().unwrap().contains("warning"));
    host.lab.gateway.sysctl("net.ipv4.ip_forward", "0").unwrap();
    assert!(host.agrees().unwrap().contains("warning: VPC blue: net.ipv4.ip_forward is 0"));
}

/// Unbound, back in the pool, never allocated: no answer, nothing comes in, and each packet is counted.
#[test]
fn packets_to_an_eip_that_is_not_bound_are_counted_by_moor() {
    let host = Host::carrying().unwrap();
    let inside = Sniffer::start(&host.lab.gateway, "in0").unwrap();
    let mut expected = host.dropped("unbound_eip").unwrap();
    let mut send = |what: &str, eip: Ipv4Addr, packets: u64| {
        host.lab.core.ip(&format!("route replace {eip}/32 via {}", lab::GATEWAY_OUTSIDE)).unwrap();
        let socket = host.lab.client.run(|| UdpSocket::bind((lab::CLIENT, 0))).unwrap().unwrap();
        for _ in 0..packets {
            socket.send_to(b"is anybody there", at(eip)).unwrap();
        }
        expected += packets;
        let counted = wait_for(what, PATIENT, || match host.dropped("unbound_eip") {
            Ok(counted) if counted == expected => Ok(()),
            other => Err(format!("{other:?} and not {expected}")),
        });
        counted.unwrap();
        assert!(!host.reached(eip), "{what}");
        expected += 1;
    };
    host.unbind().unwrap();
    send("an EIP that was bound until now", EIP, 7);
    host.server.ask("eip release web").unwrap();
    send("an EIP that was released", EIP, 5);
    send("an EIP that was never allocated", NEVER, 3);
    let came = inside.select(|frame| frame.mentions(lab::CLIENT));
    assert!(came.is_empty(), "{came:?}");
    host.agrees().unwrap();
}

/// A link says that it changed, and everything is looked at again; nothing that passes is lost meanwhile.
#[test]
fn links_whose_mtu_changes_under_load_lose_nothing() {
    let host = Host::carrying().unwrap();
    let lane = Lane { from: lab::CLIENT, to: at(EIP) };
    let prober = Prober::start(&host.lab.client, &[lane]).unwrap();
    prober.wait_answered(None, PATIENT).unwrap();
    for mtu in [1300, 9000, 576, 1500] {
        for link in ["in0", "out0"] {
            host.lab.gateway.ip(&format!("link set {link} mtu {mtu}")).unwrap();
            prober.wait_answered(Some("vm-a"), PATIENT).unwrap();
        }
        host.agrees().unwrap();
    }
    let [outage] = prober.finish().try_into().unwrap();
    assert_eq!(outage.lost, 0, "of {}", outage.sent);
    assert!(!host.server.log().contains("not applied"), "{}", host.server.log());
}
