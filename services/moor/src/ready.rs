//! `moor ready`: whether every server that is asked is ready, for health checks of containers and for scripts.

use serde_json::json;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{failure::Failure, invocation::Invocation};

/// Asks `grpc.health.v1` of each server, which every service of Mooring answers for itself as a whole.
pub async fn run(moor: &Invocation) -> Result<(), Failure> {
    for client in moor.servers() {
        let rpc = async |channel, request| HealthClient::new(channel).check(request).await;
        let answer = client.call(HealthCheckRequest::default(), rpc).await?;
        if answer.status() != ServingStatus::Serving {
            return Err(Failure::not_ready(client.server()));
        }
    }
    moor.output.say("ready", &json!({"ready": true}))
}
