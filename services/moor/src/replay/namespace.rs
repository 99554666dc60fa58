//! `moor replay --in-namespace`: the past of a VPC in the kernel of a router namespace that is made for it and taken away
//! again. Our own driver puts it there, so packets go as they did then.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use mooring_dataplane::{Driver as _, Kernel, Place};
use mooring_domain::nat::diff;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Past, sentence,
    vpc::{Chosen, Vpc},
};
use crate::{failure::Failure, invocation::Invocation, resolve::Argument};

const FOLDER: &str = "/run/netns";
const FLAG: &str = "--in-namespace";

/// The namespaces that were made. Dropping it takes them away, with all that is in them.
struct Made {
    /// The router's, and those of who is beyond its two links: as many as there are by now.
    names: Vec<String>,
}

/// Makes it, and keeps it until a signal comes.
pub async fn run(moor: &Invocation, past: &Past, chosen: &Chosen, name: &str) -> Result<(), Failure> {
    let mut vpc = chosen.of(past)?;
    // Whoever ends this from here on ends it in order.
    let heard =
        |kind| signal(kind).map_err(|cause| Failure::kernel(format!("can't wait for signals: {cause}")));
    let (mut interrupted, mut terminated) =
        (heard(SignalKind::interrupt())?, heard(SignalKind::terminate())?);
    let names = names(Argument::new(FLAG, name))?;
    let made = Made::make(&names, &vpc)?;
    vpc.place.netns = Some(name.to_owned());
    let warnings = fill(&vpc)?;
    let [router, inside, outside] = &names;
    let Place { inside: in_link, outside: out_link, .. } = &vpc.place;
    let (label, then) = (&vpc.desired.display_name, sentence(&past.moment));
    let mut text = format!(
        "VPC {label} at {then}\nis in namespace {router}, between {in_link} (to eth0 of {inside}) and {out_link} (to eth0 of {outside})"
    );
    for warning in &warnings {
        text.push_str(&format!("\n  warning: {warning}"));
    }
    text.push_str("\nuntil this ends: Ctrl-C");
    let value = json!({
        "vpc": vpc.name, "namespace": router, "inside": inside, "outside": outside, "warnings": warnings,
    });
    moor.output.say(&text, &value)?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    drop(made);
    Ok(())
}

/// The router's name and those of what is beyond its links; none of them is there yet.
fn names(argument: Argument<'_>) -> Result<[String; 3], Failure> {
    let name = argument.text;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 100 || name.starts_with('-') || !name.chars().all(fits) {
        let what = format!("{name:?} names no namespace: expected 1 to 100 letters, digits, - or _");
        return Err(Failure::argument(argument, &what));
    }
    let names = [name.to_owned(), format!("{name}-inside"), format!("{name}-outside")];
    if let Some(there) = names.iter().find(|name| Path::new(FOLDER).join(name).exists()) {
        let what = format!("there is a namespace {there} already, and only one that is made here is used");
        return Err(Failure::in_the_way(argument, &what, there));
    }
    Ok(names)
}

/// What about the namespace keeps packets from passing, if anything.
fn fill(vpc: &Vpc) -> Result<Vec<String>, Failure> {
    let failed = |fault: mooring_dataplane::Fault| Failure::kernel(fault.to_string());
    let mut kernel = Kernel::open(&vpc.place).map_err(failed)?;
    let actual = kernel.read().map_err(failed)?;
    kernel.apply(&diff(&vpc.desired, &vpc.pools, &actual)).map_err(failed)?;
    kernel.preflight().map_err(failed)
}

impl Made {
    /// A router with both links, the subnets' router addresses, and a namespace beyond each link.
    fn make(names: &[String; 3], vpc: &Vpc) -> Result<Self, Failure> {
        let [router, beyond_inside, beyond_outside] = names;
        let mut made = Self { names: Vec::new() };
        for name in names {
            ip(&["netns", "add", name], "")?;
            made.names.push(name.clone());
        }
        let Place { inside, outside, .. } = &vpc.place;
        let routers = vpc.routers.iter().filter(|address| address.addr().is_ipv4());
        let addresses: String =
            routers.map(|address| format!("address add {address} dev {inside}\n")).collect();
        let lines = format!(
            "link add {inside} type veth peer name eth0 netns {beyond_inside}\n\
             link add {outside} type veth peer name eth0 netns {beyond_outside}\n\
             {addresses}link set lo up\nlink set {inside} up\nlink set {outside} up\n"
        );
        ip(&["-n", router], &lines)?;
        for beyond in [beyond_inside, beyond_outside] {
            ip(&["-n", beyond], "link set lo up\nlink set eth0 up\n")?;
        }
        let forward = ["netns", "exec", router, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"];
        ip(&forward, "")?;
        Ok(made)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for name in &self.names {
            // Somebody else may have taken it away already.
            let _ = ip(&["netns", "delete", name], "");
        }
    }
}

/// The `ip` command: with lines, as a batch.
fn ip(arguments: &[&str], lines: &str) -> Result<(), Failure> {
    let said = format!("ip {}", arguments.join(" "));
    let failed = |cause: &dyn std::fmt::Display| Failure::kernel(format!("`{}`: {cause}", said.trim()));
    let batch: &[&str] = if lines.is_empty() { &[] } else { &["-batch", "-"] };
    let mut command = Command::new("ip");
    command.args(arguments).args(batch).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut running = command.spawn().map_err(|cause| failed(&cause))?;
    if let Some(mut stdin) = running.stdin.take() {
        // A program that has ended already says why below.
        let _ = stdin.write_all(lines.as_bytes());
    }
    let done = running.wait_with_output().map_err(|cause| failed(&cause))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(failed(&String::from_utf8_lossy(&done.stderr).trim())),
    }
}
