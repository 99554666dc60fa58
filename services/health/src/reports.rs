//! What gateways say of the holders that they ask.

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use mooring_domain::{
    Decider, Timestamp,
    holder::{Command, HolderCore, Report},
    id::VpcId,
    name::{GatewayName, parse_regional},
};
use mooring_ledger::{Caller, now};
use mooring_proto::{
    health::v1::{HolderReport, Prober, ReportHoldersRequest, ReportHoldersResponse},
    status::{bad_field, bad_name},
    together::{each, together},
};
use tonic::Status;

use crate::grpc::{Health, MOST};

/// The most VPCs in which one gateway asks.
const VPCS: usize = 10_000;

impl Health {
    /// Only what is new is stored: a gateway says it again until it has read it in the log.
    pub(crate) async fn hear(
        &self,
        caller: &Caller,
        request: ReportHoldersRequest,
    ) -> Result<ReportHoldersResponse, Status> {
        let (region, gateway) = parse_regional(&request.gateway, "gateways").map_err(bad_name("gateway"))?;
        let gateway: GatewayName = gateway.parse().map_err(bad_name("gateway"))?;
        let ledger = self.regions.get("gateway", &region)?;
        at_most("vpcs", VPCS, request.vpcs.len())?;
        at_most("holders", MOST, request.holders.len())?;
        let vpcs = request.vpcs.iter().map(|vpc| vpc.parse().map_err(|error| bad_field("vpcs", error)));
        let now = now();
        let commands = request.holders.iter().map(|holder| command(&gateway, holder, now));
        let (vpcs, mut commands) = together((each(vpcs), each(commands)))?;
        let vpcs: BTreeSet<VpcId> = vpcs.into_iter().collect();
        // A command costs a question to the log: only what would come to something is asked.
        let state = ledger.view().state;
        commands.retain(|command| HolderCore::decide(&state, command).is_ok_and(|events| !events.is_empty()));
        if !commands.is_empty() {
            ledger.submit_all(caller, commands).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        let probers = self.probers.note(&region, gateway, vpcs, Instant::now());
        let prober = |(gateway, vpcs): (GatewayName, Vec<VpcId>)| Prober {
            gateway: format!("regions/{region}/gateways/{gateway}"),
            vpcs: vpcs.iter().map(ToString::to_string).collect(),
        };
        // Looked at after the answers: they were decided on what is at or before it.
        let position = ledger.view().position.0;
        Ok(ReportHoldersResponse { probers: probers.into_iter().map(prober).collect(), position })
    }
}

fn at_most(field: &'static str, most: usize, count: usize) -> Result<(), Status> {
    if count <= most {
        return Ok(());
    }
    Err(bad_field(field, format!("must be at most {most}, are {count}")))
}

fn command(gateway: &GatewayName, said: &HolderReport, now: Timestamp) -> Result<Command, Status> {
    let (vpc, address, mac) = together((
        said.vpc.parse().map_err(|error| bad_field("holders.vpc", error)),
        said.address.parse::<IpAddr>().map_err(|error| bad_field("holders.address", error)),
        said.mac.parse().map_err(|error| bad_field("holders.mac", error)),
    ))?;
    let heard_at = Timestamp(said.heard_at);
    let report = Report { gateway: gateway.clone(), mac, silent: said.silent, heard_at };
    Ok(Command::Report { vpc, address, report, now })
}
