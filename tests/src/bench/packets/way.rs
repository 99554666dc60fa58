//! The ways that packets are measured on: each a line with a gateway of its own.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use mooring_dataplane::{Driver as _, Kernel};
use mooring_domain::nat::Op;

use super::super::elements::{self, FIRST_EIP, FIRST_HAVIP, at};
use super::super::filling;
use crate::lab::{Line, Namespace};

/// What the gateway does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but forwarding, with as many neighbours as the others.
    Plain,
    /// What Mooring puts into kernels, by its own driver: both tables, with every HAVIP held.
    Ours,
    /// Connection tracking, with the addresses in maps.
    Maps,
    /// Connection tracking, with two rules of iptables for each binding.
    Iptables,
}

/// A way.
pub struct Way {
    /// Which.
    pub kind: Kind,
    /// With so many bindings.
    pub bindings: u32,
    /// Where packets pass.
    pub line: Line,
}

impl Way {
    /// Builds it.
    pub fn make(kind: Kind, bindings: u32) -> Result<Way> {
        let way = Way { kind, bindings, line: Line::new()? };
        way.line.sink()?;
        way.fill().with_context(|| way.name())?;
        Ok(way)
    }

    /// What it is called.
    pub fn name(&self) -> String {
        let bindings = self.bindings;
        match self.kind {
            Kind::Plain => format!("plain forwarding, {bindings} neighbours"),
            Kind::Ours => format!("ours, {bindings} bindings"),
            Kind::Maps => format!("connection tracking and maps, {bindings} bindings"),
            Kind::Iptables => format!("iptables, {bindings} DNAT and as many SNAT rules"),
        }
    }

    fn fill(&self) -> Result<()> {
        match self.kind {
            Kind::Plain => fill(&self.line, self.bindings, |op| matches!(op, Op::SetNeighbour(..))),
            Kind::Ours => fill(&self.line, self.bindings, |_| true),
            Kind::Maps => self.load(&["nft", "-f", "-"], &maps(self.bindings)),
            Kind::Iptables => self.load(&["iptables-restore"], &rules(self.bindings)),
        }
    }

    /// What others' programs read, and the neighbours of all HAVIPs: nobody behind the gateway answers for them.
    fn load(&self, command: &[&str], text: &str) -> Result<()> {
        fill(&self.line, self.bindings, |op| matches!(op, Op::SetNeighbour(..)))?;
        load(&self.line.gateway, command, text)
    }
}

/// Brings the gateway what it should have, or a part of it.
pub fn fill(line: &Line, bindings: u32, part: impl Fn(&Op) -> bool) -> Result<()> {
    let mut ops = filling::ops(bindings)?;
    ops.retain(part);
    Kernel::open(&elements::place(&line.gateway))?.apply(&ops)?;
    Ok(())
}

fn pairs(bindings: u32) -> impl Iterator<Item = (std::net::IpAddr, std::net::IpAddr)> {
    (0..bindings).map(|number| (at(FIRST_EIP, number), at(FIRST_HAVIP, number)))
}

/// One rule each way, as one who knows nftables would write it.
fn maps(bindings: u32) -> String {
    let (mut eips, mut havips) = (String::new(), String::new());
    for (eip, havip) in pairs(bindings) {
        let _ = write!(eips, "{eip} : {havip}, ");
        let _ = write!(havips, "{havip} : {eip}, ");
    }
    format!(
        "table ip nat {{\n\
         map eips {{ type ipv4_addr : ipv4_addr; elements = {{ {eips} }} }}\n\
         map havips {{ type ipv4_addr : ipv4_addr; elements = {{ {havips} }} }}\n\
         chain in {{ type nat hook prerouting priority dstnat; iifname out0 dnat to ip daddr map @eips; }}\n\
         chain out {{ type nat hook postrouting priority srcnat; oifname out0 snat to ip saddr map @havips; }}\n}}\n"
    )
}

/// Two rules for each binding, as Neutron's and Kube-OVN's routers have them.
fn rules(bindings: u32) -> String {
    let (mut dnat, mut snat) = (String::new(), String::new());
    for (eip, havip) in pairs(bindings) {
        let _ = writeln!(dnat, "-A PREROUTING -d {eip}/32 -j DNAT --to-destination {havip}");
        let _ = writeln!(snat, "-A POSTROUTING -s {havip}/32 -j SNAT --to-source {eip}");
    }
    format!("*nat\n{dnat}{snat}COMMIT\n")
}

fn load(ns: &Namespace, command: &[&str], text: &str) -> Result<()> {
    let mut child =
        ns.command(command[0]).args(&command[1..]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("no stdin")?.write_all(text.as_bytes())?;
    let done = child.wait_with_output()?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
