//! `moor holder --watch`: who holds what now, and then every change, over restarts of the server.

use mooring_proto::health::v1::{
    Holder, WatchHoldersRequest, WatchHoldersResponse, health_service_client::HealthServiceClient,
    holder::State,
};
use tonic::Status;

use crate::{
    failure::Failure,
    invocation::Invocation,
    json,
    labels::Labels,
    output::{Format, print},
    resolve::last_part,
    resumed::Resumed,
    wire,
};

/// Prints what comes, until so many answers have.
pub(super) async fn run(moor: &Invocation, havip: String, limit: Option<u64>) -> Result<(), Failure> {
    let parent = moor.home.scope()?.to_string();
    let mut request = WatchHoldersRequest { parent, havip, after: 0 };
    let (mut resumed, mut printed) = (Resumed::new(), 0);
    loop {
        let client = HealthServiceClient::new(moor.health.channel());
        let status = match { client }.watch_holders(moor.health.endless(request.clone())).await {
            Ok(answers) => {
                let mut answers = answers.into_inner();
                loop {
                    match answers.message().await {
                        Ok(Some(answer)) => {
                            request.after = request.after.max(answer.position);
                            resumed.heard();
                            // One without a HAVIP only says how far the log was looked through.
                            if !answer.holders.is_empty() || !answer.deleted.is_empty() {
                                show(moor, &answer).await?;
                                printed += 1;
                            }
                        }
                        Ok(None) => break Status::unavailable("the server ended the stream"),
                        Err(status) => break status,
                    }
                    if limit.is_some_and(|limit| printed >= limit) {
                        return Ok(());
                    }
                }
            }
            Err(status) => status,
        };
        resumed.again(&moor.health, &status).await?;
    }
}

async fn show(moor: &Invocation, answer: &WatchHoldersResponse) -> Result<(), Failure> {
    if moor.output == Format::Json {
        return print(&json::of("mooring.health.v1.WatchHoldersResponse", answer)?.to_string());
    }
    let names = answer.holders.iter().map(|holder| &*holder.havip);
    let labels = Labels::read(moor, names).await;
    let held = answer.holders.iter().map(|holder| line(holder, &labels));
    let deleted = answer.deleted.iter().map(|havip| format!("HAVIP {} deleted", last_part(havip)));
    held.chain(deleted).try_for_each(|line| print(&line))
}

/// One holder, for people.
fn line(holder: &Holder, labels: &Labels) -> String {
    let Holder { address, instance, mac, gateway, rival_instance, .. } = holder;
    let havip = format!("HAVIP {} ({address})", labels.of(&holder.havip));
    match holder.state() {
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
            backoff_ends_at: 1_763_765_001_250_000_000,
            ..Holder::default()
        };
        for (state, expected) in [
            (State::Held, "held by vm-a (02:00:00:00:00:0a), seen 2025-11-21T22:43:20.250Z by gateway gw-1"),
            (
                State::Contested,
                "contested: vm-a (02:00:00:00:00:0a) keeps it until 2025-11-21T22:43:21.250Z at least, vm-b claims it",
            ),
            (State::None, "held by nobody"),
        ] {
            let line = line(&Holder { state: state.into(), ..holder.clone() }, &Labels::default());
            assert_eq!(line, format!("HAVIP 7 (10.0.1.50) {expected}"));
        }
    }
}
