//! What must be true of the running stack, in the order of the skeleton's story; each line is a check.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::ask::{output, until};
use super::stack::{PUBLISHED, SERVICES, Stack};
use crate::demo;

const EIP: &str = "203.0.113.70";
const PORT: &str = "7000";
const CLIENT: &str = "198.51.100.9";
const VM_A: &str = "10.0.1.11";
/// An address of the world outside.
const ELSEWHERE: &str = "192.0.2.1";
const PATIENT: Duration = Duration::from_secs(60);
/// How many seconds a connection may take that must be made, on however busy a machine; and one that may fail.
const MUST: u8 = 10;
const MAY: u8 = 1;
/// Flows that are opened, one after the other, to be sure that both gateways get some: one in 32 768 runs would not.
const FLOWS: usize = 16;
const INSTANCES: [&str; 2] = ["vm-a", "vm-b"];
const GATEWAYS: [&str; 2] = ["dataplane-sync-1", "dataplane-sync-2"];
/// CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_NICE, as the kernel writes a set of capabilities.
const GATEWAYS_MAY: &str = "0000000000803000";
const NOTHING: &str = "0000000000000000";

/// A check: what is true, and how to see it. What it gives is printed.
pub type Check = (&'static str, fn(&Stack<'_>) -> Result<String>);

/// In order: one stands on what those before it left.
pub const CHECKS: &[Check] = &[
    ("everything becomes healthy", |stack| Ok(format!("after {:.1} s", stack.up()?.as_secs_f32()))),
    ("nobody is root but the gateways, and these may do three things", rights),
    ("the published ports are on loopback, and answer", ports),
    ("networks that carry traffic are internal, and gateways forward nowhere else", internal),
    ("nothing is bound: the client reaches nothing", nothing_bound),
    ("bound: the EIP answers, over both gateways", bound),
    ("the holder dies: the EIP answers from the other instance", failover),
    ("it comes back and the EIP stays where it is", comes_back),
    ("killed one after the other, all come back healthy", kills),
    ("and the traffic and the kernels are right again", carried),
    ("unbound on both gateways: the EIP is free and answers nobody", unbound),
];

fn rights(stack: &Stack<'_>) -> Result<String> {
    for service in SERVICES {
        let status = stack.exec(service, &["cat", "/proc/1/status"])?;
        let of = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            line.map(|line| line.split_whitespace().next().unwrap_or_default().to_owned())
                .with_context(|| format!("{service}: {field} is not in its status"))
        };
        let (user, may, most) = (of("Uid:")?, of("CapEff:")?, of("CapBnd:")?);
        let gateway = GATEWAYS.contains(&service);
        ensure!((user == "0") == gateway, "{service} runs as {user}");
        ensure!(may == if gateway { GATEWAYS_MAY } else { NOTHING }, "{service} may {may}");
        ensure!(most == if gateway { GATEWAYS_MAY } else { NOTHING }, "{service} could get {most}");
        ensure!(of("NoNewPrivs:")? == "1", "{service} may get new privileges");
        let written = stack.exec(service, &["sh", "-c", "touch /usr/local/x"]);
        ensure!(written.is_err(), "{service} can write to its image");
    }
    Ok(String::new())
}

fn ports(stack: &Stack<'_>) -> Result<String> {
    for (service, port) in PUBLISHED {
        let published = stack.published(service, port)?;
        ensure!(
            published.lines().count() == 1 && published.starts_with("127.0.0.1:"),
            "{service}: {published}"
        );
        let server = format!("http://{published}");
        output(stack.engine.at_home(demo::built("moor")?).args(["ready", "--server", &server]))?;
    }
    let nats = stack.container("nats")?.id;
    let all = output(stack.engine.docker().args(["port", &nats]))?;
    ensure!(all.is_empty(), "NATS is published: {all}");
    Ok(String::new())
}

fn internal(stack: &Stack<'_>) -> Result<String> {
    for (host, network) in [("client", "outside"), ("vm-a", "inside"), ("vm-b", "inside")] {
        let id = stack.container(host)?.id;
        let format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
        let names = output(stack.engine.docker().args(["inspect", "--format", format, &id]))?;
        ensure!(names.ends_with(network) && !names.contains(' '), "{host} is on {names}");
        let internal =
            output(stack.engine.docker().args(["network", "inspect", "--format", "{{.Internal}}", &names]))?;
        ensure!(internal == "true", "{names} is not internal");
    }
    for gateway in GATEWAYS {
        let nats = stack.exec(gateway, &["getent", "hosts", "nats"])?;
        let nats = nats.split_whitespace().next().context("NATS has no address")?;
        forwarded(stack, gateway, CLIENT)?;
        for elsewhere in [nats, ELSEWHERE] {
            let way = forwarded(stack, gateway, elsewhere);
            ensure!(way.is_err(), "{gateway} forwards to {elsewhere}: {}", way.unwrap_or_default());
        }
    }
    Ok(String::new())
}

fn nothing_bound(stack: &Stack<'_>) -> Result<String> {
    for line in [
        "pool create public 203.0.113.64/27",
        "vpc create blue",
        "subnet create web --vpc blue --cidr 10.0.1.0/24",
        "vnic create vm-a --subnet web --mac 02:00:00:00:01:0a --address 10.0.1.11",
        "vnic create vm-b --subnet web --mac 02:00:00:00:01:0b --address 10.0.1.12",
        "havip create front --subnet web --address 10.0.1.50 --member vm-a --member vm-b",
    ] {
        stack.moor(line)?;
    }
    stack.moor(&format!("eip allocate site --address {EIP}"))?;
    ensure!(ask(stack, MAY).is_err(), "somebody answers at {EIP}");
    let (holder, took) = until("a holder", PATIENT, || holder(stack))?;
    Ok(format!("{holder} is seen as the holder after {:.1} s", took.as_secs_f32()))
}

fn bound(stack: &Stack<'_>) -> Result<String> {
    stack.moor("bind site front --wait")?;
    let holder = holder(stack)?;
    let before = GATEWAYS.map(|gateway| packets(stack, gateway));
    for _ in 0..FLOWS {
        let answer = ask(stack, MUST)?;
        ensure!(answer == holder, "{answer} answers, {holder} is the holder");
    }
    stack.exec("client", &["ping", "-c", "3", "-i", "0.2", "-W", "2", EIP])?;
    let mut carried = Vec::new();
    for (gateway, before) in GATEWAYS.iter().zip(before) {
        let more = packets(stack, gateway)? - before?;
        ensure!(more > 0, "{gateway} carried nothing");
        carried.push(format!("{gateway} {more}"));
    }
    verified(stack)?;
    Ok(format!("packets from outside: {}", carried.join(", ")))
}

fn failover(stack: &Stack<'_>) -> Result<String> {
    let (first, second) = holder_and_other(stack)?;
    let id = stack.container(first)?.id;
    let begun = Instant::now();
    // By the engine's own kill: what a person stops stays stopped.
    output(stack.engine.docker().args(["kill", &id]))?;
    until(&format!("{second} to answer"), PATIENT, || {
        let answer = ask(stack, MAY)?;
        ensure!(answer == second, "{answer} answers");
        Ok(())
    })?;
    let outage = begun.elapsed();
    until(&format!("{second} to be the holder"), PATIENT, || {
        let now = holder(stack)?;
        ensure!(now == second, "{now} is the holder");
        Ok(())
    })?;
    Ok(format!("from {first} to {second}, the first answer after {:.1} s", outage.as_secs_f32()))
}

fn comes_back(stack: &Stack<'_>) -> Result<String> {
    let (holder, back) = holder_and_other(stack)?;
    let id = stack.container(back)?.id;
    output(stack.engine.docker().args(["start", &id]))?;
    until(&format!("keepalived in {back}"), PATIENT, || stack.exec(back, &["test", "-e", "/run/vrrp.pid"]))?;
    for _ in 0..FLOWS {
        let answer = ask(stack, MUST)?;
        ensure!(answer == holder, "{answer} answers, {holder} was the holder");
    }
    ensure!(holder_and_other(stack)?.0 == holder, "{back} is the holder");
    Ok(String::new())
}

fn kills(stack: &Stack<'_>) -> Result<String> {
    let mut took = Vec::new();
    for service in SERVICES {
        let before = stack.kill9(service)?;
        let (_, back) = until(&format!("{service} to come back"), PATIENT, || {
            let now = stack.healthy(service)?;
            ensure!(now.pid != before.pid, "{service} has process {} as before", now.pid);
            Ok(())
        })?;
        took.push(format!("{service} {:.1} s", back.as_secs_f32()));
    }
    until("all to be healthy", PATIENT, || {
        SERVICES.iter().try_for_each(|service| stack.healthy(service).map(drop))
    })?;
    Ok(took.join(", "))
}

fn carried(stack: &Stack<'_>) -> Result<String> {
    let (_, took) = until("answers over both gateways", PATIENT, || {
        let answers = (0..FLOWS).map(|_| ask(stack, MAY)).collect::<Result<BTreeSet<_>>>()?;
        let holder = holder(stack)?;
        ensure!(
            answers.len() == 1 && answers.contains(&holder),
            "{answers:?} answer, {holder} is the holder"
        );
        Ok(())
    })?;
    verified(stack)?;
    Ok(format!("after {:.1} s", took.as_secs_f32()))
}

fn unbound(stack: &Stack<'_>) -> Result<String> {
    stack.moor("unbind site")?;
    let (_, took) = until("the EIP to be free", PATIENT, || {
        let eip = stack.moor("eip get site -o json")?;
        ensure!(eip.contains("\"AVAILABLE\""), "{eip}");
        Ok(())
    })?;
    for _ in 0..4 {
        ensure!(ask(stack, MAY).is_err(), "somebody answers at {EIP}");
    }
    verified(stack)?;
    Ok(format!("after {:.1} s", took.as_secs_f32()))
}

/// What answers at the EIP, by one new connection of the client that may take this long.
fn ask(stack: &Stack<'_>, seconds: u8) -> Result<String> {
    let to = format!("TCP:{EIP}:{PORT},connect-timeout={seconds}");
    let answer = stack.exec("client", &["socat", "-T5", "-u", &to, "-"])?;
    ensure!(!answer.is_empty(), "{EIP} takes a connection and says nothing");
    Ok(answer)
}

/// The instance that holds the HAVIP, as Mooring sees it.
fn holder(stack: &Stack<'_>) -> Result<String> {
    let said = stack.moor("holder front")?;
    let line = said.lines().find_map(|line| line.strip_prefix("HOLDER"));
    let holder = line.map(str::trim).filter(|holder| INSTANCES.contains(holder));
    holder.map(str::to_owned).with_context(|| format!("no holder: {said}"))
}

fn holder_and_other(stack: &Stack<'_>) -> Result<(&'static str, &'static str)> {
    let [a, b] = INSTANCES;
    Ok(if holder(stack)? == a { (a, b) } else { (b, a) })
}

/// Every gateway reads its kernel back and agrees.
fn verified(stack: &Stack<'_>) -> Result<()> {
    for gateway in GATEWAYS {
        until(&format!("{gateway} to agree with the fold"), PATIENT, || {
            stack.moor(&format!("status --verify --dataplane-server http://{gateway}:7444"))
        })?;
    }
    Ok(())
}

/// The way that a gateway's kernel would send a packet of vm-a's; none is an error.
fn forwarded(stack: &Stack<'_>, gateway: &str, to: &str) -> Result<String> {
    let link = "link=$(sed -n 's/^inside = \"\\(.*\\)\"$/\\1/p' /run/mooring/places.toml)";
    let ask = format!("{link}; ip -4 route get {to} from {VM_A} iif $link");
    stack.exec(gateway, &["sh", "-c", &ask])
}

/// Packets that a gateway got from outside.
fn packets(stack: &Stack<'_>, gateway: &str) -> Result<u64> {
    let count = "link=$(sed -n 's/^outside = \"\\(.*\\)\"$/\\1/p' /run/mooring/places.toml); cat /sys/class/net/$link/statistics/rx_packets";
    stack.exec(gateway, &["sh", "-c", count])?.parse().context("no number")
}
