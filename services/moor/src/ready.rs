//! `moor ready`: whether the server that answers is ready, for health checks of containers and for scripts.

use serde_json::json;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{failure::Failure, invocation::Invocation};

/// Asks `grpc.health.v1`, which every service of Mooring answers for itself as a whole.
pub async fn run(moor: &Invocation) -> Result<(), Failure> {
    let rpc = async |channel, request| HealthClient::new(channel).check(request).await;
    let answer = moor.client.call(HealthCheckRequest::default(), rpc).await?;
    match answer.status() {
        ServingStatus::Serving => moor.output.say("ready", &json!({"ready": true})),
        _ => Err(Failure::not_ready()),
    }
}
