//! `moor status`: whether kernel and fold agree, on the gateways that are asked and as the others reported, and whether
//! gateways have put the same into their kernels.

mod compared;
mod elements;
mod probing;

use clap::Args;
use mooring_proto::{
    binding::v1::Gateway,
    dataplane::v1::{
        GetStatusRequest, Status as Dataplane, VpcStatus, dataplane_service_client::DataplaneServiceClient,
    },
};
use serde_json::{Value, json};

use self::{compared::Compared, probing::probing};
use crate::{
    client::{Client, LARGEST_ANSWER},
    failure::Failure,
    gateway::{self, asked::Gateways},
    invocation::Invocation,
    json,
    labels::Labels,
    output::Row,
    resolve::last_part,
    table, wire,
};

/// Whether kernels and the folded log agree.
#[derive(Debug, Args)]
pub struct Status {
    /// Read every kernel table back and compare it with the fold
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    gateways: Gateways,
}

/// What was found out.
struct Found {
    /// The gateways that were asked; the one that `moor` asks for everything is the first.
    asked: Vec<Dataplane>,
    gateways: Vec<Gateway>,
    compared: Vec<Compared>,
    problems: Vec<String>,
}

impl Status {
    /// Prints it; a failure when something does not agree.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let clients = self.gateways.clients(moor).await?;
        let clients: Vec<&Client> = [&moor.dataplane].into_iter().chain(&clients).collect();
        let found = self.find(moor, &clients).await?;
        moor.output.say(&self.text(&found), &json_of(&found)?)?;
        if found.problems.is_empty() { Ok(()) } else { Err(Failure::out_of_sync(found.problems.len())) }
    }

    async fn find(&self, moor: &Invocation, clients: &[&Client]) -> Result<Found, Failure> {
        let mut asked = ask_all(moor, clients, self.verify).await?;
        let gateways = gateway::list(moor).await?;
        let compared = compared::compare(&gateway::attestations(moor).await?, &asked);
        let labels = labels(&asked);
        let mut differ: Vec<String> =
            compared.iter().filter(|one| !one.agrees()).map(|one| one.problem(&labels)).collect();
        if !differ.is_empty() {
            // Which elements: by each gateway's own kernel and fold, and between gateways.
            asked = ask_all(moor, clients, true).await?;
            for one in compared.iter().filter(|one| !one.agrees()) {
                differ.extend(elements::differing(one, clients, &asked, &labels).await?);
            }
        }
        let problems = problems(&asked, &gateways).into_iter().chain(differ).collect();
        Ok(Found { asked, gateways, compared, problems })
    }

    fn text(&self, found: &Found) -> String {
        let mut blocks = Vec::new();
        for dataplane in &found.asked {
            let (tail, folded) = (dataplane.tail, dataplane.folded_position);
            blocks.push(format!("gateway {}: folded {folded} of {tail}", last_part(&dataplane.gateway)));
            let vpcs: Vec<_> = dataplane.vpcs.iter().map(vpc_cells).collect();
            blocks.push(match vpcs.is_empty() {
                true => "no VPCs".to_owned(),
                false => table::of_rows(&["VPC", "NETNS", "APPLIED", "BINDINGS", "DRIFTS", "DROPPED"], &vpcs),
            });
        }
        let lines = |lines: Vec<String>| lines.join("\n");
        blocks.push(lines(found.gateways.iter().map(gateway_line).collect()));
        let labels = labels(&found.asked);
        blocks.push(lines(found.compared.iter().map(|one| one.line(&labels)).collect()));
        blocks
            .push(lines(found.asked.iter().flat_map(|one| one.vpcs.iter().flat_map(provisional)).collect()));
        blocks.push(lines(found.asked.iter().flat_map(|one| one.vpcs.iter().flat_map(contested)).collect()));
        blocks.push(lines(found.asked.iter().flat_map(|one| one.vpcs.iter().flat_map(probing)).collect()));
        blocks.push(lines(found.asked.iter().flat_map(|one| one.vpcs.iter().flat_map(warnings)).collect()));
        blocks.push(self.verdict(&found.problems));
        blocks.retain(|block| !block.is_empty());
        blocks.join("\n\n")
    }

    fn verdict(&self, problems: &[String]) -> String {
        match (problems, self.verify) {
            ([], true) => "kernel and fold agree: every table was read back".to_owned(),
            ([], false) => {
                "kernel and fold agree, by what was applied (--verify reads the kernel back)".to_owned()
            }
            _ => format!("kernel and fold do NOT agree:\n  {}", problems.join("\n  ")),
        }
    }
}

/// Asks the gateway that answers; `verify`: it reads every kernel table back.
pub async fn dataplane(moor: &Invocation, verify: bool) -> Result<Dataplane, Failure> {
    ask(moor, &moor.dataplane, verify).await
}

/// Asks one gateway for itself.
pub async fn ask(moor: &Invocation, client: &Client, verify: bool) -> Result<Dataplane, Failure> {
    let message = GetStatusRequest { parent: moor.home.regional_parent()?, verify };
    let rpc = async |channel, request| {
        let client = DataplaneServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        { client }.get_status(request).await
    };
    client.call(message, rpc).await
}

async fn ask_all(moor: &Invocation, clients: &[&Client], verify: bool) -> Result<Vec<Dataplane>, Failure> {
    let mut asked: Vec<Dataplane> = Vec::new();
    for client in clients {
        asked.push(ask(moor, client, verify).await?);
    }
    Ok(asked)
}

fn labels(asked: &[Dataplane]) -> Labels {
    let vpcs: Vec<_> = asked.iter().flat_map(|dataplane| dataplane.vpcs.clone()).collect();
    Labels::of_vpcs(&vpcs)
}

/// What does not agree, one sentence each. A gateway that reported a lower position is no problem: reports come a moment
/// after the fact. Nor is a VPC that this gateway's file maps to no namespace: another gateway may carry it.
fn problems(asked: &[Dataplane], gateways: &[Gateway]) -> Vec<String> {
    // Which gateway it is need only be said where several were asked.
    let at = |dataplane: &Dataplane| match asked.len() {
        1 => String::new(),
        _ => format!("gateway {}: ", last_part(&dataplane.gateway)),
    };
    let own = asked.iter().flat_map(|dataplane| {
        let (folded, tail, at) = (dataplane.folded_position, dataplane.tail, at(dataplane));
        let behind =
            (folded < tail).then(|| format!("{at}the fold is at position {folded}, the log ends at {tail}"));
        let vpcs = dataplane.vpcs.iter().flat_map(move |vpc| vpc_problems(vpc, folded));
        behind.into_iter().chain(vpcs.map(move |problem| format!("{at}{problem}")))
    });
    let here: Vec<_> = asked.iter().map(|dataplane| last_part(&dataplane.gateway)).collect();
    let labels = labels(asked);
    let others = gateways.iter().filter(|one| one.registered && !here.contains(&last_part(&one.name)));
    let stuck = others.flat_map(|gateway| {
        gateway.stuck.iter().map(|stuck| {
            let (name, vpc) = (last_part(&gateway.name), labels.of(&stuck.vpc));
            format!("gateway {name}: VPC {vpc} is stuck at position {}: {}", stuck.position, stuck.cause)
        })
    });
    own.chain(stuck).collect()
}

fn vpc_problems(vpc: &VpcStatus, folded: u64) -> Vec<String> {
    let name = &vpc.display_name;
    let mut problems = Vec::new();
    if !vpc.fault.is_empty() {
        problems.push(format!("VPC {name}: {}", vpc.fault));
    } else if !vpc.netns.is_empty() && vpc.applied_position < folded {
        problems.push(format!(
            "VPC {name}: the kernel is at position {}, the fold at {folded}",
            vpc.applied_position
        ));
    }
    problems.extend(vpc.differences.iter().map(|difference| format!("VPC {name}: {difference}")));
    problems
}

/// What keeps packets from passing although kernel and fold agree. No problem of Mooring's, so it fails nothing.
fn warnings(vpc: &VpcStatus) -> impl Iterator<Item = String> {
    vpc.warnings.iter().map(|warning| format!("warning: VPC {}: {warning}", vpc.display_name))
}

/// Where this gateway has decided by itself who holds a HAVIP, which is as it should be until health is back.
fn provisional(vpc: &VpcStatus) -> impl Iterator<Item = String> {
    vpc.provisional.iter().map(|own| {
        let (address, mac, seen) = (&own.address, &own.mac, wire::time_ms(own.observed_at));
        format!(
            "VPC {}: {address} is at {mac}, seen {seen}; health has not decided on that yet",
            vpc.display_name
        )
    })
}

/// Where two claim a HAVIP in turn, which is a mistake of somebody's and no problem of a kernel's.
fn contested(vpc: &VpcStatus) -> impl Iterator<Item = String> {
    vpc.contested
        .iter()
        .map(|address| format!("VPC {}: {address} is contested: two claim it in turn", vpc.display_name))
}

fn vpc_cells(vpc: &VpcStatus) -> Vec<String> {
    let dropped = vpc.drops.iter().filter(|drop| drop.packets > 0);
    let dropped = dropped.map(|drop| format!("{}={}", drop.reason, drop.packets));
    vec![
        vpc.display_name.clone(),
        if vpc.netns.is_empty() { "not here".to_owned() } else { vpc.netns.clone() },
        vpc.applied_position.to_string(),
        vpc.bindings.to_string(),
        vpc.drifts.to_string(),
        dropped.collect::<Vec<_>>().join(" "),
    ]
}

fn gateway_line(gateway: &Gateway) -> String {
    let name = last_part(&gateway.name);
    if gateway.registered {
        let (applied, reported) = (gateway.applied_position, gateway::reported(gateway));
        let drifted = match gateway.drifts {
            0 => String::new(),
            n => format!(", {n} drifts, the last recorded at {}", gateway.last_drift_position),
        };
        format!("gateway {name}: registered, applied {applied}, reported {reported}{drifted}")
    } else {
        format!("gateway {name}: decommissioned")
    }
}

fn json_of(found: &Found) -> Result<Value, Failure> {
    let gateways = found.gateways.iter().map(|gateway| json::of(Gateway::PROTO, gateway));
    let asked = found.asked.iter().map(|status| json::of("mooring.dataplane.v1.Status", status));
    let mut asked: Vec<Value> = asked.collect::<Result<_, _>>()?;
    let first = asked.remove(0);
    Ok(json!({
        "agree": found.problems.is_empty(),
        "problems": found.problems,
        "status": first,
        "others": asked,
        "gateways": gateways.collect::<Result<Value, _>>()?,
        "compared": found.compared.iter().map(Compared::json).collect::<Value>(),
    }))
}

#[cfg(test)]
mod tests {
    use mooring_proto::binding::v1::Stuck;

    use super::*;

    fn in_sync() -> Dataplane {
        let vpc = VpcStatus {
            display_name: "blue".into(),
            netns: "vpc-blue".into(),
            applied_position: 7,
            bindings: 1,
            ..Default::default()
        };
        Dataplane { gateway: "regions/r1/gateways/gw-1".into(), tail: 7, folded_position: 7, vpcs: vec![vpc] }
    }

    fn text(verify: bool, dataplane: Dataplane) -> String {
        let found = Found {
            asked: vec![dataplane],
            gateways: Vec::new(),
            compared: Vec::new(),
            problems: Vec::new(),
        };
        Status { verify, gateways: Gateways::default() }.text(&found)
    }

    #[test]
    fn agreement_is_said_plainly_and_says_how_much_was_looked_at() {
        let looked = text(true, in_sync());
        assert!(looked.ends_with("kernel and fold agree: every table was read back"), "{looked}");
        assert!(looked.starts_with("gateway gw-1: folded 7 of 7"), "{looked}");
        assert!(text(false, in_sync()).contains("--verify"));
        assert!(problems(&[in_sync()], &[]).is_empty());
    }

    #[test]
    fn each_kind_of_disagreement_is_a_problem() {
        let broken = |change: fn(&mut Dataplane)| {
            let mut status = in_sync();
            change(&mut status);
            problems(std::slice::from_ref(&status), &[])
        };
        assert_eq!(broken(|status| status.tail = 8), ["the fold is at position 7, the log ends at 8"]);
        let behind = broken(|status| status.vpcs[0].applied_position = 6);
        assert_eq!(behind, ["VPC blue: the kernel is at position 6, the fold at 7"]);
        let fault = broken(|status| status.vpcs[0].fault = "namespace vpc-blue does not exist".into());
        assert_eq!(fault, ["VPC blue: namespace vpc-blue does not exist"]);
        let differs =
            broken(|status| status.vpcs[0].differences = vec!["element 203.0.113.7 is missing".into()]);
        assert_eq!(differs, ["VPC blue: element 203.0.113.7 is missing"]);
    }

    #[test]
    fn a_warning_is_said_and_is_no_problem() {
        let mut status = in_sync();
        status.vpcs[0].warnings = vec!["net.ipv4.ip_forward is 0".into()];
        assert!(problems(std::slice::from_ref(&status), &[]).is_empty());
        let text = text(true, status);
        assert!(text.contains("\n\nwarning: VPC blue: net.ipv4.ip_forward is 0\n\n"), "{text}");
    }

    #[test]
    fn a_vpc_that_another_gateway_carries_is_no_problem_and_is_said() {
        let mut status = in_sync();
        let elsewhere = VpcStatus { display_name: "green".into(), bindings: 2, ..Default::default() };
        status.vpcs.push(elsewhere);
        assert!(problems(std::slice::from_ref(&status), &[]).is_empty());
        let text = text(false, status);
        assert!(text.contains("green  not here  0        2         0"), "{text}");
    }

    #[test]
    fn another_gateway_that_is_stuck_is_a_problem_unless_it_is_decommissioned() {
        let stuck = Stuck {
            vpc: "01976e2a".into(),
            position: 3,
            cause: "no link outside".into(),
            ..Default::default()
        };
        let mut other =
            Gateway { name: "regions/r1/gateways/gw-2".into(), stuck: vec![stuck], ..Default::default() };
        assert!(problems(&[in_sync()], std::slice::from_ref(&other)).is_empty());
        other.registered = true;
        let expected = ["gateway gw-2: VPC 01976e2a is stuck at position 3: no link outside"];
        assert_eq!(problems(&[in_sync()], std::slice::from_ref(&other)), expected);
        let mut known = in_sync();
        known.vpcs[0].vpc = "projects/shop/regions/r1/vpcs/01976e2a".into();
        assert_eq!(
            problems(&[known], &[other]),
            ["gateway gw-2: VPC blue is stuck at position 3: no link outside"]
        );
    }
}
