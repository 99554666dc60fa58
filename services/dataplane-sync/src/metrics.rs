//! `/metrics` in Prometheus' text format: what [`Dataplane::status`] says, as numbers. Read when asked for, never kept.

use std::sync::atomic::AtomicU64;

use mooring_proto::dataplane::v1 as api;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tonic::Code;

use crate::{grpc::Dataplane, receipts::Figures};

type Labels = Vec<(&'static str, String)>;
type Number = Gauge<i64>;

/// Every region's numbers, and how long failovers took. An error is the encoder's.
pub(crate) async fn text(dataplane: &Dataplane, failovers: &Figures) -> Result<String, std::fmt::Error> {
    let metrics = Metrics::default();
    for (region, view) in dataplane.views.iter() {
        match dataplane.status(region, view, false).await {
            Ok(status) => metrics.region(region.as_str(), &status),
            Err(error) => metrics.failed(region.as_str(), error.code()),
        }
    }
    metrics.encode(failovers)
}

#[derive(Default)]
struct Metrics {
    log_tail: Family<Labels, Number>,
    log_failed: Family<Labels, Number>,
    folded: Family<Labels, Number>,
    applied: Family<Labels, Number>,
    fault: Family<Labels, Number>,
    bindings: Family<Labels, Number>,
    contested: Family<Labels, Number>,
    dropped: Family<Labels, Counter<u64, AtomicU64>>,
    claims_dropped: Family<Labels, Counter<u64, AtomicU64>>,
    probed: Family<Labels, Number>,
    silent: Family<Labels, Number>,
    probes: Family<Labels, Counter<u64, AtomicU64>>,
}

impl Metrics {
    fn region(&self, region: &str, status: &api::Status) {
        let labels = vec![("region", region.to_owned())];
        set(&self.log_tail, &labels, status.tail);
        set(&self.log_failed, &labels, 0);
        set(&self.folded, &labels, status.folded_position);
        status.vpcs.iter().for_each(|vpc| self.vpc(region, vpc));
    }

    fn failed(&self, region: &str, code: Code) {
        tracing::debug!(region, ?code, "no status for the metrics");
        set(&self.log_failed, &vec![("region", region.to_owned())], 1);
    }

    fn vpc(&self, region: &str, vpc: &api::VpcStatus) {
        let labels = vec![
            ("region", region.to_owned()),
            ("vpc", vpc.vpc.clone()),
            ("display_name", vpc.display_name.clone()),
        ];
        set(&self.applied, &labels, vpc.applied_position);
        set(&self.fault, &labels, u64::from(!vpc.fault.is_empty()));
        set(&self.bindings, &labels, vpc.bindings);
        set(&self.contested, &labels, vpc.contested.len() as u64);
        for drop in &vpc.drops {
            let labels = [labels.clone(), vec![("reason", drop.reason.clone())]].concat();
            self.dropped.get_or_create(&labels).inc_by(drop.packets);
        }
        if let Some(probing) = &vpc.probing {
            set(&self.probed, &labels, probing.holders);
            set(&self.silent, &labels, probing.silent);
            self.probes.get_or_create(&labels).inc_by(probing.sent);
        }
        for drop in &vpc.claims_dropped {
            let labels = [labels.clone(), vec![("reason", drop.reason.clone())]].concat();
            self.claims_dropped.get_or_create(&labels).inc_by(drop.claims);
        }
    }

    fn encode(self, failovers: &Figures) -> Result<String, std::fmt::Error> {
        let mut all = Registry::with_prefix("mooring");
        all.register("log_tail_position", "The last position in the region's log", self.log_tail);
        all.register("log_failed", "1 when the region's log can't be followed", self.log_failed);
        all.register("folded_position", "The last position that this gateway has folded", self.folded);
        all.register("vpc_applied_position", "The position that the VPC's kernel is equal to", self.applied);
        all.register("vpc_fault", "1 when something keeps the VPC from being applied", self.fault);
        all.register("vpc_bindings", "EIPs bound in the VPC", self.bindings);
        all.register("vpc_contested_havips", "HAVIPs of the VPC that two claim in turn", self.contested);
        all.register("dropped_packets", "Packets dropped since the rules were made, by reason", self.dropped);
        all.register("dropped_claims", "Claims seen and not looked at, by reason", self.claims_dropped);
        all.register(
            "probed_holders",
            "Holders that this gateway asks whether they are still there",
            self.probed,
        );
        all.register("silent_holders", "Those of them that answer no more", self.silent);
        all.register("probes", "How often this gateway asked a holder", self.probes);
        failovers.register(&mut all);
        let mut text = String::new();
        encode(&mut text, &all)?;
        Ok(text)
    }
}

fn set(family: &Family<Labels, Number>, labels: &Labels, value: u64) {
    family.get_or_create(labels).set(i64::try_from(value).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn a_status_becomes_numbers_with_labels() {
        let vpc = api::VpcStatus {
            vpc: "projects/p1/regions/r1/vpcs/7".into(),
            display_name: "blue".into(),
            applied_position: 8,
            fault: "there is no link".into(),
            bindings: 2,
            contested: vec!["10.0.1.50".into()],
            drops: vec![api::DropCount { reason: "not_holder".into(), packets: 149 }],
            claims_dropped: vec![api::DroppedClaimCount { reason: "strangers".into(), claims: 70 }],
            probing: Some(api::Probing { holders: 12, silent: 1, sent: 99, ..Default::default() }),
            ..api::VpcStatus::default()
        };
        let metrics = Metrics::default();
        metrics.region(
            "r1",
            &api::Status { tail: 9, folded_position: 9, vpcs: vec![vpc], ..Default::default() },
        );
        metrics.failed("r2", Code::DataLoss);
        let text = metrics.encode(&Figures::default()).unwrap();
        let of = "region=\"r1\",vpc=\"projects/p1/regions/r1/vpcs/7\",display_name=\"blue\"";
        for line in [
            "mooring_log_tail_position{region=\"r1\"} 9".to_owned(),
            "mooring_log_failed{region=\"r1\"} 0".to_owned(),
            "mooring_log_failed{region=\"r2\"} 1".to_owned(),
            format!("mooring_vpc_applied_position{{{of}}} 8"),
            format!("mooring_vpc_fault{{{of}}} 1"),
            format!("mooring_vpc_bindings{{{of}}} 2"),
            format!("mooring_vpc_contested_havips{{{of}}} 1"),
            format!("mooring_dropped_packets_total{{{of},reason=\"not_holder\"}} 149"),
            format!("mooring_probed_holders{{{of}}} 12"),
            format!("mooring_silent_holders{{{of}}} 1"),
            format!("mooring_probes_total{{{of}}} 99"),
            format!("mooring_dropped_claims_total{{{of},reason=\"strangers\"}} 70"),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
