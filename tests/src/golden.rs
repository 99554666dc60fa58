//! A region's life with every kind of event in it, lived with a real `mooringd`, and its log stored in small segments: what
//! golden logs are made of. How to add one: tests/golden/README.md.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use mooring_event_log::{EventLog, Filter, Position, Segments, segments};
use mooring_proto::binding::v1::{
    RegisterGatewayRequest, ReportDriftRequest, gateway_service_client::GatewayServiceClient,
};
use mooring_proto::event::v1::{Address, Difference, Element, GatewayDriftFound};
use mooring_proto::health::v1::{
    AnnounceRequest, Claim, FailoverTimes, HolderReport, ReportClaimsRequest, ReportFailoversRequest,
    ReportHoldersRequest, WithdrawRequest, failover_service_client::FailoverServiceClient,
    health_service_client::HealthServiceClient,
};
use serde_json::Value;

use crate::lab;
use crate::server::{Mooringd, Options, moor_with};
use crate::wait::wait_for;

/// Small, so that a log of some records has several.
const SEGMENT_BYTES: u64 = 2 * 1024;
/// Where the state is, as `moor replay` says it, for everybody's project.
pub const STATE: &str = "state.json";
/// A contest that nobody keeps up is over long before.
const SETTLED: Duration = Duration::from_secs(60);
/// A gateway besides mooringd's own.
const GATEWAY: &str = "regions/r1/gateways/gw-9";

/// Lives it, and puts the log and its folded state into this folder, which it makes.
pub fn make(folder: &Path) -> Result<()> {
    fs::create_dir(folder).with_context(|| folder.display().to_string())?;
    let mut server = Mooringd::alone(Options::default())?;
    live(&server)?;
    ensure!(server.stop()?.success(), "mooringd did not end well");
    store(&server.data().join("log/r1"), &folder.join("log/r1"))?;
    let state = state(folder)?;
    fs::write(folder.join(STATE), format!("{state:#}\n"))?;
    Ok(())
}

/// What `moor replay` says of a data folder's log.
pub fn state(folder: &Path) -> Result<Value> {
    let replay = format!("replay {} -o json", folder.display());
    let mut state = moor_with(&[], &replay)?.json()?;
    // Where it lies is none of its state.
    state.as_object_mut().context("no object")?.remove("log");
    Ok(state)
}

/// The kinds of a log, by number, as `moor log compat` has them.
pub fn kinds(folder: &Path) -> Result<BTreeSet<u32>> {
    let said = moor_with(&[], &format!("log compat {} -o json", folder.display()))?.json()?;
    let kinds = said["kinds"].as_array().context("no kinds")?;
    Ok(kinds.iter().filter_map(|kind| u32::try_from(kind["number"].as_u64()?).ok()).collect())
}

fn live(server: &Mooringd) -> Result<()> {
    server.stock()?;
    server.ask("quota update --eips 50 --members-per-havip 3")?;
    server.ask("eip allocate second --address 203.0.113.71")?;
    server.ask("havip create spare --subnet web --address 10.0.1.60 --member vm-b")?;
    claim(server, lab::HAVIP, &[lab::MAC_A])?;
    server.ask("bind web front")?;
    claim(server, lab::HAVIP, &[lab::MAC_B])?;
    claim(server, lab::HAVIP, &["02:00:00:00:00:99"])?;
    for silent in [true, false, true] {
        heard(server, silent)?;
    }
    measured(server)?;
    contest(server)?;
    lease(server)?;
    // Bound once and deleted since: a bind of it is stored, and comes to nothing.
    let gone = server.ask("havip create gone --subnet web")?["name"].as_str().context("no name")?.to_owned();
    server.ask("bind second gone")?;
    server.ask("unbind second")?;
    server.ask("havip delete gone")?;
    server.refuse(&format!("bind second {gone}"))?;
    server.ask("bind second spare")?;
    server.ask("unbind second")?;
    server.ask("eip update second --description spare --labels env=test --delete-protection on")?;
    server.ask("eip update second --name third --delete-protection off")?;
    server.ask("eip release third")?;
    server.ask("havip delete spare")?;
    come_and_go(server)?;
    let register = RegisterGatewayRequest { name: GATEWAY.to_owned(), ..Default::default() };
    server.call(async |channel| GatewayServiceClient::new(channel).register_gateway(register).await)??;
    drift(server)?;
    server.ask("gateway decommission gw-9").map(drop)
}

/// The gateway tells how long it took to follow the holder.
fn measured(server: &Mooringd) -> Result<()> {
    let holder = server.ask("holder front")?;
    let vpc = server.ask("vpc get blue")?["name"].as_str().context("no name")?.to_owned();
    let claimed_at = now()?;
    let times = FailoverTimes {
        vpc: vpc.rsplit('/').next().unwrap_or_default().to_owned(),
        address: lab::HAVIP.to_string(),
        mac: lab::MAC_B.to_owned(),
        number: 1,
        claimed_at,
        decided_at: claimed_at + 100_000,
        applied_at: claimed_at + 300_000,
        stored_position: holder["position"].as_u64().context("no position")?,
        followed_at: claimed_at + 5_000_000,
    };
    let request = ReportFailoversRequest {
        gateway: GATEWAY.to_owned(),
        gateway_started_at: claimed_at,
        failovers: vec![times],
    };
    server.call(async |channel| FailoverServiceClient::new(channel).report_failovers(request).await)??;
    Ok(())
}

/// What comes, changes and goes again of what exists.
fn come_and_go(server: &Mooringd) -> Result<()> {
    for line in [
        "vnic create vm-c --subnet web --mac 02:00:00:00:00:33 --address 10.0.1.33",
        "havip update front --add-member vm-c --damping 1s/4s",
        "havip update front --remove-member vm-c",
        "vnic delete vm-c",
        "vpc create red",
        "subnet create old --vpc red --cidr 10.9.0.0/24",
        "subnet update old --reserve 10.9.0.0/28",
        "subnet delete old",
        "vpc delete red",
        "pool create late 198.51.100.0/28",
        "pool update late --add-block 2001:db8:9::/120",
        "pool drain late",
        "pool delete late",
    ] {
        server.ask(line)?;
    }
    Ok(())
}

/// The gateway has found an element and a rule changed behind its back.
fn drift(server: &Mooringd) -> Result<()> {
    let address = |octets: [u8; 4]| Some(Address { octets: octets.to_vec().into() });
    let element = |to| Element {
        set: "eip_to_havip".to_owned(),
        address: address([203, 0, 113, 70]),
        to: address(to),
        ..Element::default()
    };
    let difference = Difference {
        element: Some(element(lab::HAVIP.octets())),
        what: "CHANGED".to_owned(),
        found: Some(element([10, 0, 1, 60])),
    };
    let vpc = server.ask("vpc get blue")?["name"].as_str().context("no name")?.to_owned();
    let vpc: uuid::Uuid = vpc.rsplit('/').next().unwrap_or_default().parse()?;
    let drift = GatewayDriftFound {
        gateway: "gw-9".to_owned(),
        region: "r1".to_owned(),
        project: "p1".to_owned(),
        vpc_id: vpc.as_bytes().to_vec().into(),
        position: 1,
        found_at: now()?,
        mended_at: now()?,
        rules: true,
        differences: vec![difference],
        differing: 1,
        unrecorded: 0,
    };
    let (name, request_id) = (GATEWAY.to_owned(), uuid::Uuid::now_v7().to_string());
    let request = ReportDriftRequest { name, drift: Some(drift), request_id, validate_only: false };
    server.call(async |channel| GatewayServiceClient::new(channel).report_drift(request).await)??;
    Ok(())
}

fn now() -> Result<u64> {
    Ok(u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}

/// The holder answers no more, or again.
fn heard(server: &Mooringd, silent: bool) -> Result<()> {
    let vpc = server.ask("vpc get blue")?["name"].as_str().context("no name")?.to_owned();
    let holder = HolderReport {
        vpc: vpc.rsplit('/').next().unwrap_or_default().to_owned(),
        address: lab::HAVIP.to_string(),
        mac: lab::MAC_B.to_owned(),
        silent,
        heard_at: now()?,
    };
    let (gateway, vpcs) = (GATEWAY.to_owned(), Vec::new());
    let request = ReportHoldersRequest { gateway, vpcs, holders: vec![holder] };
    server.call(async |channel| HealthServiceClient::new(channel).report_holders(request).await)??;
    Ok(())
}

/// Two claim a HAVIP in turn, until one lets go of it.
fn contest(server: &Mooringd) -> Result<()> {
    let rules = "--damping 200ms/400ms --claims subnet";
    let havip = Ipv4Addr::new(10, 0, 1, 61);
    server.ask(&format!("havip create turns --subnet web --address {havip} {rules}"))?;
    claim(server, havip, &[lab::MAC_A, lab::MAC_B])?;
    wait_for("the HAVIP to be settled", SETTLED, || {
        match server.ask("holder turns").map_err(|error| error.to_string())?["state"].as_str() {
            Some("HELD") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
}

/// A vNIC says over gRPC that it holds a HAVIP, says so again, and lets go of it.
fn lease(server: &Mooringd) -> Result<()> {
    server.ask("havip create far --subnet web --address 10.0.1.62 --member vm-a --announce")?;
    let name =
        |line| -> Result<String> { Ok(server.ask(line)?["name"].as_str().context("no name")?.to_owned()) };
    let (havip, vnic) = (name("havip get far")?, name("vnic get vm-a")?);
    for lease_ms in [20_000, 40_000] {
        let (havip, vnic) = (havip.clone(), vnic.clone());
        let request = AnnounceRequest { havip, vnic, lease_ms, ..AnnounceRequest::default() };
        server.call(async |channel| HealthServiceClient::new(channel).announce(request).await)??;
    }
    let request = WithdrawRequest { havip, vnic, ..WithdrawRequest::default() };
    server.call(async |channel| HealthServiceClient::new(channel).withdraw(request).await)??;
    Ok(())
}

/// The gateway has seen these MACs announce the HAVIP, a millisecond apart.
fn claim(server: &Mooringd, havip: Ipv4Addr, macs: &[&str]) -> Result<()> {
    let vpc = server.ask("vpc get blue")?["name"].as_str().context("no name")?.to_owned();
    let (vpc, first) = (vpc.rsplit('/').next().unwrap_or_default(), now()?);
    let claims = macs.iter().zip(0..).map(|(mac, number)| Claim {
        vpc: vpc.to_owned(),
        address: havip.to_string(),
        mac: (*mac).to_owned(),
        number,
        observed_at: first + number * 1_000_000,
    });
    let request = ReportClaimsRequest { gateway: GATEWAY.to_owned(), claims: claims.collect() };
    server.call(async |channel| HealthServiceClient::new(channel).report_claims(request).await)??;
    Ok(())
}

/// The same records in small segments: positions, ids, times and hashes are what they were.
fn store(from: &Path, folder: &Path) -> Result<()> {
    let from = Segments::open(from, segments::Options::default(), &[])?.log;
    let options = segments::Options { segment_bytes: SEGMENT_BYTES, ..segments::Options::default() };
    let to = Segments::open(folder, options, &[])?.log;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        for record in from.read(&Filter::All, Position(0), usize::MAX).await? {
            let last = to.tail().await?.streams.get(&record.stream).copied().unwrap_or_default().0;
            to.append(&record.stream, last, record.commits.clone()).await?;
        }
        ensure!(from.tail().await? == to.tail().await?, "the stored log is another");
        Ok(())
    })?;
    from.close();
    to.close();
    fs::remove_file(folder.join("lock")).context("the lock")
}
