//! `moor holder --watch`: who holds what now, and then every change, over restarts of the server.

use std::{collections::BTreeMap, ops::ControlFlow};

use mooring_domain::id;
use mooring_proto::health::v1::{
    Holder, WatchHoldersRequest, WatchHoldersResponse, health_service_client::HealthServiceClient,
    holder::State,
};

use crate::{
    failure::Failure,
    invocation::Invocation,
    json,
    labels::Labels,
    output::{Format, print},
    resolve::last_part,
    resumed::{self, Left},
    wire,
};

/// Prints what comes, until so many answers have.
pub(super) async fn run(moor: &Invocation, havip: String, limit: Option<u64>) -> Result<(), Failure> {
    let parent = resumed::parent::<id::Havip>(moor, &havip)?;
    let request = WatchHoldersRequest { parent, havip, after: 0 };
    let (mut left, mut known) = (Left(limit), BTreeMap::new());
    let ask = async |channel, request| HealthServiceClient::new(channel).watch_holders(request).await;
    resumed::follow(&moor.health, request, ask, async |request, answer: WatchHoldersResponse| {
        request.after = request.after.max(answer.position);
        // One without a HAVIP only says how far the log was looked through.
        if answer.holders.is_empty() && answer.deleted.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        show(moor, &answer, &mut known).await?;
        Ok(left.one_less())
    })
    .await
}

/// `known`: what was deleted can't be asked for its label any more.
async fn show(
    moor: &Invocation,
    answer: &WatchHoldersResponse,
    known: &mut BTreeMap<String, String>,
) -> Result<(), Failure> {
    if moor.output == Format::Json {
        return print(&json::of("mooring.health.v1.WatchHoldersResponse", answer)?.to_string());
    }
    let names = answer.holders.iter().map(|holder| &*holder.havip);
    let labels = Labels::read(moor, names).await;
    let held = answer.holders.iter().map(|holder| line(holder, &labels));
    let label = |havip: &String| known.remove(havip).unwrap_or_else(|| last_part(havip).to_owned());
    let deleted: Vec<_> = answer.deleted.iter().map(label).collect();
    known.extend(answer.holders.iter().map(|holder| (holder.havip.clone(), labels.of(&holder.havip))));
    let deleted = deleted.into_iter().map(|havip| format!("HAVIP {havip} deleted"));
    held.chain(deleted).try_for_each(|line| print(&line))
}

/// One holder, for people.
fn line(holder: &Holder, labels: &Labels) -> String {
    let Holder { address, instance, mac, gateway, rival_instance, .. } = holder;
    let havip = format!("HAVIP {} ({address})", labels.of(&holder.havip));
    match holder.state() {
        State::Held if holder.lease_ends_at > 0 => {
            let ends = wire::time_ms(holder.lease_ends_at);
            format!("{havip} held by {instance} ({mac}), announced over gRPC with a lease until {ends}")
        }
        State::Held => {
            let seen = wire::time_ms(holder.observed_at);
            format!("{havip} held by {instance} ({mac}), seen {seen} by gateway {gateway}")
        }
        State::Contested => {
            let ends = wire::time_ms(holder.backoff_ends_at);
            format!(
                "{havip} contested: {instance} ({mac}) keeps it until {ends} at least, {rival_instance} claims it"
            )
        }
        State::Stale => {
            let (heard, by) = (wire::time_ms(holder.last_heard_at), &holder.unheard_by);
            format!(
                "{havip} held by {instance} ({mac}), which answers no more: heard last {heard} by gateway {by}"
            )
        }
        State::None => format!("{havip} held by nobody"),
        State::Unspecified => format!("{havip} in a state that this moor does not know"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_holds_it_and_who_else_would() {
        let holder = Holder {
            havip: "projects/shop/regions/r1/havips/7".into(),
            address: "10.0.1.50".into(),
            instance: "vm-a".into(),
            mac: "02:00:00:00:00:0a".into(),
            gateway: "gw-1".into(),
            observed_at: 1_763_765_000_250_000_000,
            rival_instance: "vm-b".into(),
            last_heard_at: 1_763_765_002_250_000_000,
            unheard_by: "gw-2".into(),
            backoff_ends_at: 1_763_765_001_250_000_000,
            ..Holder::default()
        };
        for (state, expected) in [
            (State::Held, "held by vm-a (02:00:00:00:00:0a), seen 2025-11-21T22:43:20.250Z by gateway gw-1"),
            (
                State::Contested,
                "contested: vm-a (02:00:00:00:00:0a) keeps it until 2025-11-21T22:43:21.250Z at least, vm-b claims it",
            ),
            (
                State::Stale,
                "held by vm-a (02:00:00:00:00:0a), which answers no more: heard last 2025-11-21T22:43:22.250Z by gateway gw-2",
            ),
            (State::None, "held by nobody"),
        ] {
            let line = line(&Holder { state: state.into(), ..holder.clone() }, &Labels::default());
            assert_eq!(line, format!("HAVIP 7 (10.0.1.50) {expected}"));
        }
    }
}
