//! `moor failovers`: how long failovers took, one by one and in percentiles.

use std::time::Duration;

use clap::Args;
use mooring_proto::{
    health::v1::{
        Failover, FailoverPercentiles, ListFailoversRequest, ListFailoversResponse,
        failover_service_client::FailoverServiceClient,
    },
    resource::v1::Havip,
};

use crate::{
    failure::Failure,
    invocation::{Invocation, PAGE_SIZE},
    json,
    labels::Labels,
    output::{Format, Row},
    resolve::Argument,
    table, wire,
};

/// Show how long failovers took: from the announcement on the wire to a gateway's kernel, and to the log
///
/// A line for each gateway that saw it, the latest first. The latest 256 of a HAVIP are kept, and the latest 20000 of a region;
/// `moor log --kind failover_measured` has all of them. Times are by the gateway's clock.
#[derive(Debug, Args)]
pub struct Failovers {
    /// Only of this HAVIP: name, id or display name [default: all of the project]
    havip: Option<String>,
}

impl Failovers {
    /// Prints them.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let havip = match &self.havip {
            Some(havip) => moor.name_of::<Havip>(Argument::new("HAVIP", havip)).await?,
            None => String::new(),
        };
        let all = read(moor, moor.home.scope()?.to_string(), havip).await?;
        let labels = match moor.output {
            Format::Table => Labels::read(moor, all.failovers.iter().flat_map(Row::mentions)).await,
            Format::Json => Labels::default(),
        };
        let value = json::of("mooring.health.v1.ListFailoversResponse", &all)?;
        moor.output.say(&text(&all, &labels), &value)
    }
}

/// All pages as one.
async fn read(moor: &Invocation, parent: String, havip: String) -> Result<ListFailoversResponse, Failure> {
    let mut all = ListFailoversResponse::default();
    loop {
        let (parent, havip, page_token) = (parent.clone(), havip.clone(), all.next_page_token);
        let message = ListFailoversRequest { parent, havip, page_size: PAGE_SIZE, page_token };
        let rpc = async |channel, request| FailoverServiceClient::new(channel).list_failovers(request).await;
        let mut page = moor.health.call(message, rpc).await?;
        all.failovers.append(&mut page.failovers);
        all = ListFailoversResponse { failovers: all.failovers, ..page };
        if all.next_page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn text(all: &ListFailoversResponse, labels: &Labels) -> String {
    let (Some(kernel), Some(log)) = (&all.to_kernel, &all.to_log) else {
        return format!("no {}", Failover::PLURAL);
    };
    let cells: Vec<_> = all.failovers.iter().map(|failover| failover.cells(labels)).collect();
    let table = table::of_rows(Failover::COLUMNS, &cells);
    let (count, kernel, log) = (all.total_size, percentiles(kernel), percentiles(log));
    format!("{table}\n\n{count} in all. To the kernel: {kernel}. To the log: {log}.")
}

fn percentiles(of: &FailoverPercentiles) -> String {
    let [p50, p90, p99, max] = [of.p50, of.p90, of.p99, of.max].map(milliseconds);
    format!("p50 {p50}, p90 {p90}, p99 {p99}, at most {max}")
}

/// Three digits, as of a measured time.
pub fn milliseconds(nanos: u64) -> String {
    let milliseconds = Duration::from_nanos(nanos).as_secs_f64() * 1e3;
    let digits = if milliseconds < 10.0 { 2 } else { usize::from(milliseconds < 100.0) };
    format!("{milliseconds:.digits$} ms")
}

impl Row for Failover {
    const PROTO: &'static str = "mooring.health.v1.Failover";
    const PLURAL: &'static str = "failovers, or none that a gateway has told of yet";
    const COLUMNS: &'static [&'static str] =
        &["HAVIP", "HOLDER", "GATEWAY", "CLAIMED AT", "TO KERNEL", "TO LOG", "STORED", "ID"];

    fn mentions(&self) -> Vec<&str> {
        vec![&self.havip]
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        let since = |at: u64| milliseconds(at.saturating_sub(self.claimed_at));
        vec![
            labels.of(&self.havip),
            self.instance.clone(),
            self.gateway.clone(),
            wire::time_ms(self.claimed_at),
            since(self.applied_at),
            since(self.followed_at),
            self.stored_position.to_string(),
            self.id.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_list_ends_in_percentiles() {
        let shown = [70_000, 1_234_567, 12_345_678, 1_234_567_890].map(milliseconds);
        assert_eq!(shown, ["0.07 ms", "1.23 ms", "12.3 ms", "1235 ms"]);
        let same = FailoverPercentiles { p50: 500_000, p90: 600_000, p99: 700_000, max: 800_000 };
        let one = Failover {
            id: "gw-1/1795181156123/7".into(),
            havip: "projects/p1/regions/r1/havips/7".into(),
            gateway: "gw-1".into(),
            instance: "vm-b".into(),
            claimed_at: 1_795_181_156_123_456_789,
            applied_at: 1_795_181_156_124_000_000,
            followed_at: 1_795_181_156_130_000_000,
            stored_position: 57,
            ..Failover::default()
        };
        let all = ListFailoversResponse {
            failovers: vec![one],
            total_size: 1,
            to_kernel: Some(same),
            to_log: Some(same),
            ..ListFailoversResponse::default()
        };
        let shown = text(&all, &Labels::default());
        for words in [
            "7      vm-b    gw-1     2026-11-20T13:25:56.123Z  0.54 ms    6.54 ms  57      gw-1/1795181156123/7",
            "1 in all. To the kernel: p50 0.50 ms, p90 0.60 ms, p99 0.70 ms, at most 0.80 ms. To the log: p50",
        ] {
            assert!(shown.contains(words), "{words:?} is not in\n{shown}");
        }
        assert!(text(&ListFailoversResponse::default(), &Labels::default()).starts_with("no failovers"));
    }
}
