//! What all chapters share: the laboratory, the server, the instances' services, and the ways to ask them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::lab::{self, Keepalived, Lab, Namespace};
use crate::probe::{Mode, TcpServer, UdpEcho};
use crate::server::{Mooringd, Options};
use crate::wait::wait_for;

/// For what should happen at once and may be slow on a busy machine.
pub(super) const PATIENT: Duration = Duration::from_secs(10);
/// For an answer of a peer that is there.
pub(super) const SOON: Duration = Duration::from_secs(5);
/// The services' UDP and TCP port.
pub(super) const PORT: u16 = 7000;
/// Where nobody listens.
pub(super) const CLOSED: u16 = 7999;
/// The EIP of the story.
pub(super) const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 70);

/// The stage. Fields are dropped in this order: the server before the laboratory.
pub(super) struct Scene {
    pub(super) server: Mooringd,
    pub(super) on_a: Option<Keepalived>,
    pub(super) on_b: Option<Keepalived>,
    pub(super) second: Option<Keepalived>,
    _services: Vec<(UdpEcho, TcpServer)>,
    pub(super) lab: Lab,
}

impl Scene {
    /// Builds the laboratory, starts the services and a `mooringd` that serves two regions.
    pub(super) fn set() -> Result<Scene> {
        let lab = Lab::new()?;
        let regions = vec!["r1".to_owned(), "r2".to_owned()];
        let server = Mooringd::start(&lab, Options { regions, ..Options::default() })?;
        let mut services = Vec::new();
        for (vm, address) in [(&lab.vm_a, lab::HAVIP), (&lab.vm_b, lab::HAVIP), (&lab.vm_a, lab::HAVIP_2)] {
            let (at, name) = (SocketAddrV4::new(address, PORT), format!("{}@{address}", vm.role()));
            services.push((UdpEcho::start(vm, at, &name)?, TcpServer::start(vm, at, &name, Mode::Echo)?));
        }
        Ok(Scene { server, on_a: None, on_b: None, second: None, _services: services, lab })
    }

    /// Starts keepalived for the first HAVIP.
    pub(super) fn keepalived(&self, vm: &Namespace, priority: u8) -> Result<Keepalived> {
        self.lab.keepalived(vm, priority, lab::HAVIP)
    }

    /// Waits until Mooring says that `instance` holds `havip`, and returns how long it took.
    pub(super) fn wait_holder(&self, havip: &str, instance: &str) -> Result<Duration> {
        let begin = Instant::now();
        wait_for(&format!("{instance} to be the holder of {havip}"), PATIENT, || {
            let holder = self.holder(havip).map_err(|error| format!("{error:#}"))?;
            if holder == instance { Ok(()) } else { Err(format!("{holder:?} is")) }
        })?;
        Ok(begin.elapsed())
    }

    /// Who holds `havip`, by Mooring; empty if nobody does.
    pub(super) fn holder(&self, havip: &str) -> Result<String> {
        let holder = self.server.ask(&format!("holder {havip}"))?;
        Ok(text(&holder, "instance")?.to_owned())
    }

    /// The binding of an EIP, which must have one.
    pub(super) fn binding_of(&self, eip: &str) -> Result<Value> {
        let eip = self.server.ask(&format!("eip get {eip}"))?;
        let binding = text(&eip, "binding")?;
        ensure!(!binding.is_empty(), "no binding: {eip}");
        self.server.ask(&format!("binding get {binding}"))
    }

    /// The state of an EIP.
    pub(super) fn state_of(&self, eip: &str) -> Result<String> {
        let eip = self.server.ask(&format!("eip get {eip}"))?;
        Ok(text(&eip, "state")?.to_owned())
    }

    /// Waits until kernel and fold agree, with every table read back.
    pub(super) fn wait_agree(&self) -> Result<Duration> {
        let begin = Instant::now();
        wait_for("kernel and fold to agree", PATIENT, || {
            match self.server.moor("status --verify -o json") {
                Ok(answer) if answer.exit == 0 => Ok(()),
                Ok(answer) => Err(format!("{}{}", answer.out, answer.error)),
                Err(error) => Err(format!("{error:#}")),
            }
        })?;
        Ok(begin.elapsed())
    }

    /// How many packets the gateway has dropped for this reason.
    pub(super) fn dropped(&self, reason: &str) -> Result<u64> {
        let status = self.server.ask("status")?;
        let drops = status["status"]["vpcs"][0]["drops"].as_array().context("no drops in the status")?;
        let counted = drops.iter().find(|drop| drop["reason"] == reason);
        number(counted.with_context(|| format!("no reason {reason} in {status}"))?, "packets")
    }

    /// Everything that exists, is bound and is held, as the API shows it, without what gateways last reported.
    pub(super) fn state(&self) -> Result<Vec<Value>> {
        let lists =
            ["pool list", "vpc list", "subnet list", "vnic list", "havip list", "eip list", "holders"];
        let mut state = lists.iter().map(|list| self.server.ask(list)).collect::<Result<Vec<_>>>()?;
        let mut bindings = self.server.ask("binding list")?;
        for binding in bindings.as_array_mut().into_iter().flatten() {
            binding["gateways"] = Value::Null;
        }
        state.push(bindings);
        Ok(state)
    }

    /// The translating table of the gateway as `nft` shows it, without counts.
    pub(super) fn nat_table(&self) -> Result<String> {
        let table = self.lab.gateway.output("nft -s list table ip mooring")?;
        ensure!(table.contains("eip_to_havip"), "that is not Mooring's table:\n{table}");
        Ok(table)
    }

    /// Everything in the gateway that could name an address: rules, routes of all tables, neighbours.
    pub(super) fn traces(&self, address: Ipv4Addr) -> Result<Vec<String>> {
        let mut traces = Vec::new();
        for look in ["nft list ruleset", "ip route show table all", "ip neigh show", "ip neigh show proxy"] {
            let seen = self.lab.gateway.output(look)?;
            let named = |line: &&str| {
                let words = line.split(|c: char| !(c.is_ascii_digit() || c == '.'));
                words.into_iter().any(|word| word == address.to_string())
            };
            traces.extend(seen.lines().filter(named).map(|line| format!("{look}: {}", line.trim())));
        }
        Ok(traces)
    }
}

/// A text field of an answer.
pub(super) fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str> {
    answer[field].as_str().with_context(|| format!("no field {field} in {answer}"))
}

/// A number field of an answer.
pub(super) fn number(answer: &Value, field: &str) -> Result<u64> {
    answer[field].as_u64().with_context(|| format!("no number {field} in {answer}"))
}

/// Milliseconds with two digits, for figures.
pub(super) fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Fails unless both are equal.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<()> {
    if found == wanted { Ok(()) } else { bail!("{what}: {found:?} instead of {wanted:?}") }
}

/// An address with the services' port.
pub(super) fn at(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, PORT)
}
