//! The command-line client, run as a user runs it.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::program;
use crate::lab;

/// What a run of `moor` gave.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The command line, for messages.
    pub line: String,
    /// The exit code.
    pub exit: i32,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub error: String,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The exit code.
    pub exit: i32,
    /// The stable word.
    pub reason: String,
    /// For people.
    pub message: String,
    /// The argument that is wrong, or the field of the request, or nothing.
    pub field: String,
    /// Who or what is in the way, or nothing.
    pub in_the_way: String,
}

/// Runs `moor` against the server at `address`, for project `p1` in region `r1`; a flag in `line` counts before these.
pub fn moor(address: &str, line: &str) -> Result<Answer> {
    moor_with(&[("MOORING_SERVER", format!("http://{address}"))], line)
}

/// The same, with the servers named by their variables.
pub fn moor_with(servers: &[(&str, String)], line: &str) -> Result<Answer> {
    let done = Command::new(program("moor")?)
        .envs(servers.iter().map(|(name, url)| (name, url)))
        .env("MOORING_PROJECT", "p1")
        .env("MOORING_REGION", "r1")
        .args(line.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .context("moor")?;
    Ok(Answer {
        line: line.to_owned(),
        exit: done.status.code().context("moor was killed")?,
        out: String::from_utf8(done.stdout)?,
        error: String::from_utf8(done.stderr)?,
    })
}

/// Creates what most stories begin with: see [`crate::Mooringd::stock`].
pub fn stock(ask: impl Fn(&str) -> Result<Value>) -> Result<()> {
    ask(&format!("pool create public {}", lab::EIP_POOL))?;
    network(&ask)?;
    ask("eip allocate web --address 203.0.113.70").map(drop)
}

/// The VPC of that, and what is in it.
pub fn network(ask: impl Fn(&str) -> Result<Value>) -> Result<()> {
    let (subnet, router) = (lab::SUBNET, lab::GATEWAY_INSIDE);
    ask("vpc create blue")?;
    ask(&format!("subnet create web --vpc blue --cidr {subnet} --gateway {router}"))?;
    for (instance, mac, address) in [("vm-a", lab::MAC_A, lab::VM_A), ("vm-b", lab::MAC_B, lab::VM_B)] {
        ask(&format!("vnic create {instance} --subnet web --mac {mac} --address {address}"))?;
    }
    let havip = lab::HAVIP;
    // Stories move holders faster than damping lets them; those about damping say so.
    let members = "--member vm-a --member vm-b --damping off";
    ask(&format!("havip create front --subnet web --address {havip} {members}")).map(drop)
}

/// Every event in what `moor log -o json` printed, in order: its kind and its fields.
pub fn events(log: &Answer) -> Result<Vec<(String, Value)>> {
    ensure!(log.exit == 0, "`moor log` ended with {}: {}", log.exit, log.error);
    let mut events = Vec::new();
    for line in log.out.lines() {
        let commit: Value = serde_json::from_str(line)?;
        for event in commit["events"].as_array().context("a commit without events")? {
            let fields = event.as_object().context("an event without a kind")?;
            events.extend(fields.iter().map(|(kind, fields)| (kind.clone(), fields.clone())));
        }
    }
    Ok(events)
}

impl Answer {
    /// What it printed as JSON; an error unless it succeeded.
    pub fn json(&self) -> Result<Value> {
        let Answer { line, exit, out, error } = self;
        ensure!(*exit == 0, "`moor {line}` ended with {exit}: {error}{out}");
        serde_json::from_str(out).with_context(|| format!("`moor {line}` printed no JSON: {out}"))
    }

    /// The error it printed as JSON; an error if it succeeded.
    pub fn refusal(&self) -> Result<Refusal> {
        let Answer { line, exit, out, error } = self;
        ensure!(*exit != 0, "`moor {line}` should have been refused, and said: {out}");
        let printed: Value = serde_json::from_str(error)
            .with_context(|| format!("`moor {line}` printed no JSON error: {error}"))?;
        let word = |key: &str| printed["error"][key].as_str().unwrap_or_default().to_owned();
        Ok(Refusal {
            exit: *exit,
            reason: word("reason"),
            message: word("message"),
            field: if word("argument").is_empty() { word("field") } else { word("argument") },
            in_the_way: word("in_the_way"),
        })
    }
}
