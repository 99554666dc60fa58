//! `docs/guides/keepalived.md` is true: its commands and its files are used as they are printed, with real keepalived. The
//! laboratory has the page's addresses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use mooring_tests::{
    Keepalived, Lab, Mooringd, Namespace, lab,
    page::{blocks, guide},
    probe::{UdpEcho, udp_ask},
    server::Options,
    wait_for,
};

/// For what may be slow on a busy machine.
const PATIENT: Duration = Duration::from_secs(30);
/// For an answer that may not come.
const SHORT: Duration = Duration::from_millis(300);
const PORT: u16 = 7000;
const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 70);

/// What the page has for a reader.
struct Guide {
    moor: Vec<String>,
    sysctl: Vec<String>,
    /// vm-a's file, and vm-b's.
    unicast: [String; 2],
    /// The same, by multicast.
    multicast: [String; 2],
}

impl Guide {
    fn read() -> Guide {
        let blocks = blocks(&guide("keepalived.md").unwrap());
        let of = |kind: &str| -> Vec<&str> {
            blocks.iter().filter(|(its, _)| its == kind).map(|(_, text)| text.as_str()).collect()
        };
        let commands = |program: &str| -> Vec<String> {
            let lines = of("sh").into_iter().flat_map(str::lines);
            lines.filter_map(|line| line.strip_prefix(program)).map(str::to_owned).collect()
        };
        let [on_a] = of("conf")[..] else { panic!("one file is vm-a's") };
        let [for_b, multicast] = of("diff")[..] else { panic!("two changes of it") };
        let on_b = changed(on_a, for_b);
        // "On vm-b with its own addresses."
        let here = [lab::VM_A, lab::VM_B].map(|address| address.to_string());
        let there = multicast.replace(&here[0], "its own").replace(&here[1], &here[0]);
        let multicast = [changed(on_a, multicast), changed(&on_b, &there.replace("its own", &here[1]))];
        let (moor, sysctl) = (commands("moor "), commands("sysctl "));
        assert!(!moor.is_empty() && !sysctl.is_empty(), "the page has no commands");
        Guide { moor, sysctl, unicast: [on_a.to_owned(), on_b], multicast }
    }
}

/// A file after a change as `diff` prints it; its lines are in the file's order.
fn changed(file: &str, change: &str) -> String {
    let mut lines: Vec<&str> = file.lines().collect();
    let mut at = 0;
    for line in change.lines() {
        match line.split_at(1) {
            ("-", old) => {
                let found = lines[at..].iter().position(|line| *line == old);
                at += found.unwrap_or_else(|| panic!("{old:?} is not in the file from line {at} on"));
                lines.remove(at);
            }
            ("+", new) => {
                lines.insert(at, new);
                at += 1;
            }
            _ => panic!("{line:?} is no line of a change"),
        }
    }
    lines.join("\n") + "\n"
}

/// A laboratory that the page's commands were run in.
struct Stage {
    server: Mooringd,
    _services: [UdpEcho; 2],
    lab: Lab,
}

impl Stage {
    fn set(guide: &Guide) -> Stage {
        let lab = Lab::new().unwrap();
        for vm in [&lab.vm_a, &lab.vm_b] {
            guide.sysctl.iter().for_each(|line| drop(vm.output(&format!("sysctl {line}")).unwrap()));
        }
        let at = SocketAddrV4::new(lab::HAVIP, PORT);
        let services = [&lab.vm_a, &lab.vm_b].map(|vm| UdpEcho::start(vm, at, vm.role()).unwrap());
        let server = Mooringd::start(&lab, Options::default()).unwrap();
        guide.moor.iter().for_each(|line| drop(server.ask(line).unwrap()));
        Stage { server, _services: services, lab }
    }

    fn vm(&self, member: usize) -> &Namespace {
        [&self.lab.vm_a, &self.lab.vm_b][member]
    }

    /// Starts keepalived with this file, about which it must have nothing to say.
    fn keepalived(&self, member: usize, file: &str) -> Keepalived {
        let (vm, path) = (self.vm(member), self.lab.folder().join("keepalived.conf"));
        fs::write(&path, file).unwrap();
        let looked = vm.command("keepalived").args(["--config-test", "--use-file"]).arg(&path).output();
        let looked = looked.unwrap();
        let said = String::from_utf8_lossy(&looked.stderr);
        assert!(looked.status.success() && said.is_empty(), "{said}\n{file}");
        self.lab.keepalived_configured(vm, lab::HAVIP, file).unwrap()
    }

    /// The first member has the HAVIP, and the second one waits.
    fn both(&self, files: &[String; 2]) -> [Keepalived; 2] {
        let on_a = self.keepalived(0, &files[0]);
        self.wait_served_by(0);
        let on_b = self.keepalived(1, &files[1]);
        wait_waiting(&on_b, 1);
        [on_a, on_b]
    }

    /// Waits until the EIP is answered by this member, and Mooring says that it is the holder.
    fn wait_served_by(&self, member: usize) {
        let name = self.vm(member).role();
        let at = SocketAddrV4::new(EIP, PORT);
        let ask = || udp_ask(&self.lab.client, lab::CLIENT, at, b"who", SHORT).map(|answer| answer.server);
        let served = wait_for(&format!("{name} to answer at the EIP"), PATIENT, || match ask() {
            Ok(server) if server == name => Ok(()),
            other => Err(format!("{other:?}")),
        });
        served.unwrap();
        let held = wait_for(&format!("{name} to be the holder"), PATIENT, || match self.holder() {
            holder if holder == name => Ok(()),
            holder => Err(holder),
        });
        held.unwrap();
    }

    fn holder(&self) -> String {
        self.server.ask("holder front").unwrap()["instance"].as_str().unwrap().to_owned()
    }

    fn has_the_havip(&self, member: usize) -> bool {
        self.vm(member).has_address(lab::HAVIP).unwrap()
    }

    /// How often the holder has changed, by the log.
    fn changes(&self) -> usize {
        let events = self.server.events().unwrap();
        events.iter().filter(|(kind, _)| kind == "holder_changed").count()
    }

    /// What the fence has dropped because the sender does not hold the HAVIP.
    fn fenced(&self) -> u64 {
        let drops = self.server.ask("gateway drops").unwrap();
        let of = |drop: &&serde_json::Value| drop["reason"] == "not_holder";
        let drop = drops.as_array().unwrap().iter().find(of).unwrap_or_else(|| panic!("{drops}"));
        drop["packets"].as_u64().unwrap()
    }
}

fn wait_waiting(keepalived: &Keepalived, times: usize) {
    let waits = wait_for("keepalived to wait for the HAVIP", PATIENT, || match keepalived.waits() {
        now if now >= times => Ok(()),
        now => Err(format!("{now} of {times} times")),
    });
    waits.unwrap();
}

#[test]
fn a_stop_a_crash_and_a_dead_link_are_as_the_page_says() {
    let guide = Guide::read();
    let stage = Stage::set(&guide);
    let [mut on_a, mut on_b] = stage.both(&guide.unicast);

    on_a.stop().unwrap();
    stage.wait_served_by(1);
    assert!(!stage.has_the_havip(0), "it was stopped in order");
    // It comes back, with the higher priority, and waits.
    let on_a = stage.keepalived(0, &guide.unicast[0]);
    wait_waiting(&on_a, 1);
    stage.wait_served_by(1);
    assert_eq!(stage.changes(), 2, "vm-a, vm-b");

    on_b.kill9().unwrap();
    stage.wait_served_by(0);
    assert!(stage.has_the_havip(1), "it is a zombie");
    let fenced = stage.fenced();
    let answer = udp_ask(stage.vm(1), lab::HAVIP, SocketAddrV4::new(lab::CLIENT, PORT), b"me", SHORT);
    assert!(answer.is_err() && stage.fenced() > fenced, "{answer:?}");
    // It runs again, takes the address off, and waits.
    let on_b = stage.keepalived(1, &guide.unicast[1]);
    wait_waiting(&on_b, 1);
    let off = wait_for("the HAVIP to be taken off", PATIENT, || match stage.has_the_havip(1) {
        false => Ok(()),
        true => Err("vm-b has it".to_owned()),
    });
    off.unwrap();
    stage.wait_served_by(0);

    let waits = on_a.waits();
    stage.lab.unplug(stage.vm(0)).unwrap();
    stage.wait_served_by(1);
    assert!(!stage.has_the_havip(0), "its link is gone, and it has seen that");
    stage.lab.plug(stage.vm(0)).unwrap();
    wait_waiting(&on_a, waits + 1);
    stage.wait_served_by(1);
}

#[test]
fn without_the_peers_it_goes_by_multicast_and_the_last_one_stays_the_holder() {
    let guide = Guide::read();
    let stage = Stage::set(&guide);
    let [mut on_a, mut on_b] = stage.both(&guide.multicast);
    on_a.kill9().unwrap();
    stage.wait_served_by(1);
    on_b.stop().unwrap();
    assert!(!stage.has_the_havip(1));
    assert_eq!(stage.holder(), "vm-b", "nobody else has announced it");
    let _on_b = stage.keepalived(1, &guide.multicast[1]);
    stage.wait_served_by(1);
}

#[test]
fn with_a_mac_of_vrrps_own_nothing_moves_and_moor_says_why() {
    let guide = Guide::read();
    let stage = Stage::set(&guide);
    let _on_a = stage.keepalived(0, &guide.unicast[0]);
    stage.wait_served_by(0);
    // vm-b hears nobody, and takes it.
    let alone =
        guide.multicast[1].replace("    virtual_router_id 50", "    use_vmac\n    virtual_router_id 51");
    assert!(alone.contains("use_vmac"), "{alone}");
    let on_b = stage.lab.keepalived_configured(stage.vm(1), lab::HAVIP, &alone).unwrap();
    let rejected = wait_for("the claim to be rejected", PATIENT, || {
        let log = stage.server.events().map_err(|error| format!("{error:#}"))?;
        let rejected = log.into_iter().find(|(kind, _)| kind == "claim_rejected");
        rejected.map(|(_, claim)| claim).ok_or_else(|| format!("none; it waited {} times", on_b.waits()))
    });
    let rejected = rejected.unwrap();
    assert_eq!(rejected["reason"], "UNKNOWN_MAC", "{rejected}");
    stage.wait_served_by(0);
    assert_eq!(stage.changes(), 1);
}
