//! `moor status`: whether kernel and fold agree, on the gateway that answers and as the others reported.

use clap::Args;
use mooring_proto::{
    binding::v1::Gateway,
    dataplane::v1::{
        GetStatusRequest, Status as Dataplane, VpcStatus, dataplane_service_client::DataplaneServiceClient,
    },
};
use serde_json::{Value, json};

use crate::{
    failure::Failure, gateway, invocation::Invocation, json, labels::Labels, output::Row, resolve::last_part,
    table,
};

/// Whether kernels and the folded log agree.
#[derive(Debug, Args)]
pub struct Status {
    /// Read every kernel table back and compare it with the fold
    #[arg(long)]
    verify: bool,
}

impl Status {
    /// Prints it; a failure when something does not agree.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let dataplane = dataplane(moor, self.verify).await?;
        let gateways = gateway::list(moor).await?;
        let problems = problems(&dataplane, &gateways);
        let text = self.text(&dataplane, &gateways, &problems);
        moor.output.say(&text, &json_of(&dataplane, &gateways, &problems)?)?;
        if problems.is_empty() { Ok(()) } else { Err(Failure::out_of_sync(problems.len())) }
    }

    fn text(&self, dataplane: &Dataplane, gateways: &[Gateway], problems: &[String]) -> String {
        let (tail, folded) = (dataplane.tail, dataplane.folded_position);
        let mut blocks =
            vec![format!("gateway {}: folded {folded} of {tail}", last_part(&dataplane.gateway))];
        let vpcs: Vec<_> = dataplane.vpcs.iter().map(vpc_cells).collect();
        blocks.push(match vpcs.is_empty() {
            true => "no VPCs".to_owned(),
            false => table::of_rows(&["VPC", "NETNS", "APPLIED", "BINDINGS", "DROPPED"], &vpcs),
        });
        blocks.push(gateways.iter().map(gateway_line).collect::<Vec<_>>().join("\n"));
        blocks.push(dataplane.vpcs.iter().flat_map(warnings).collect::<Vec<_>>().join("\n"));
        blocks.push(self.verdict(problems));
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
    let message = GetStatusRequest { parent: moor.home.regional_parent()?, verify };
    let rpc = async |channel, request| DataplaneServiceClient::new(channel).get_status(request).await;
    moor.dataplane.call(message, rpc).await
}

/// What does not agree, one sentence each. A gateway that reported a lower position is no problem: reports come a moment
/// after the fact. Nor is a VPC that this gateway's file maps to no namespace: another gateway may carry it.
fn problems(dataplane: &Dataplane, gateways: &[Gateway]) -> Vec<String> {
    let folded = dataplane.folded_position;
    let behind = (folded < dataplane.tail)
        .then(|| format!("the fold is at position {folded}, the log ends at {}", dataplane.tail));
    let vpcs = dataplane.vpcs.iter().flat_map(|vpc| vpc_problems(vpc, folded));
    let (here, labels) = (last_part(&dataplane.gateway), Labels::of_vpcs(&dataplane.vpcs));
    let others = gateways.iter().filter(|gateway| gateway.registered && last_part(&gateway.name) != here);
    let stuck = others.flat_map(|gateway| {
        gateway.stuck.iter().map(|stuck| {
            let (name, vpc) = (last_part(&gateway.name), labels.of(&stuck.vpc));
            format!("gateway {name}: VPC {vpc} is stuck at position {}: {}", stuck.position, stuck.cause)
        })
    });
    behind.into_iter().chain(vpcs).chain(stuck).collect()
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

fn vpc_cells(vpc: &VpcStatus) -> Vec<String> {
    let dropped = vpc.drops.iter().filter(|drop| drop.packets > 0);
    let dropped = dropped.map(|drop| format!("{}={}", drop.reason, drop.packets));
    vec![
        vpc.display_name.clone(),
        if vpc.netns.is_empty() { "not here".to_owned() } else { vpc.netns.clone() },
        vpc.applied_position.to_string(),
        vpc.bindings.to_string(),
        dropped.collect::<Vec<_>>().join(" "),
    ]
}

fn gateway_line(gateway: &Gateway) -> String {
    let name = last_part(&gateway.name);
    if gateway.registered {
        let (applied, reported) = (gateway.applied_position, gateway::reported(gateway));
        format!("gateway {name}: registered, applied {applied}, reported {reported}")
    } else {
        format!("gateway {name}: decommissioned")
    }
}

fn json_of(dataplane: &Dataplane, gateways: &[Gateway], problems: &[String]) -> Result<Value, Failure> {
    let gateways =
        gateways.iter().map(|gateway| json::of(Gateway::PROTO, gateway)).collect::<Result<Value, _>>()?;
    Ok(json!({
        "agree": problems.is_empty(),
        "problems": problems,
        "status": json::of("mooring.dataplane.v1.Status", dataplane)?,
        "gateways": gateways,
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

    #[test]
    fn agreement_is_said_plainly_and_says_how_much_was_looked_at() {
        let looked = Status { verify: true }.text(&in_sync(), &[], &[]);
        assert!(looked.ends_with("kernel and fold agree: every table was read back"), "{looked}");
        assert!(looked.starts_with("gateway gw-1: folded 7 of 7"), "{looked}");
        assert!(Status { verify: false }.text(&in_sync(), &[], &[]).contains("--verify"));
        assert!(problems(&in_sync(), &[]).is_empty());
    }

    #[test]
    fn each_kind_of_disagreement_is_a_problem() {
        let broken = |change: fn(&mut Dataplane)| {
            let mut status = in_sync();
            change(&mut status);
            problems(&status, &[])
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
        assert!(problems(&status, &[]).is_empty());
        let text = Status { verify: true }.text(&status, &[], &[]);
        assert!(text.contains("\n\nwarning: VPC blue: net.ipv4.ip_forward is 0\n\n"), "{text}");
    }

    #[test]
    fn a_vpc_that_another_gateway_carries_is_no_problem_and_is_said() {
        let mut status = in_sync();
        let elsewhere = VpcStatus { display_name: "green".into(), bindings: 2, ..Default::default() };
        status.vpcs.push(elsewhere);
        assert!(problems(&status, &[]).is_empty());
        let text = Status { verify: false }.text(&status, &[], &[]);
        assert!(text.contains("green  not here  0        2"), "{text}");
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
        assert!(problems(&in_sync(), std::slice::from_ref(&other)).is_empty());
        other.registered = true;
        let expected = ["gateway gw-2: VPC 01976e2a is stuck at position 3: no link outside"];
        assert_eq!(problems(&in_sync(), std::slice::from_ref(&other)), expected);
        let mut known = in_sync();
        known.vpcs[0].vpc = "projects/shop/regions/r1/vpcs/01976e2a".into();
        assert_eq!(
            problems(&known, &[other]),
            ["gateway gw-2: VPC blue is stuck at position 3: no link outside"]
        );
    }
}
