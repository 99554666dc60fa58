//! Calls to a `mooringd` that no verb of `moor` makes: those of services to each other, and malformed ones.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use mooring_proto::health::v1::{Claim, ReportClaimsRequest, health_service_client::HealthServiceClient};
use tonic::transport::Endpoint;

use super::Mooringd;
use crate::{
    channel::{Channel, connect},
    lab,
};

impl Mooringd {
    /// Makes one gRPC call: `server.call(async |channel| Client::new(channel).method(request).await)`.
    pub fn call<T>(&self, call: impl AsyncFnOnce(Channel) -> T) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let address = format!("http://{}", self.address());
        runtime.block_on(async {
            let endpoint = Endpoint::from_shared(address)?;
            let channel = connect(endpoint).await.context("connecting to mooringd")?;
            Ok(call(channel).await)
        })
    }

    /// Says, as a gateway does, that this MAC has announced the HAVIP of [`Mooringd::stock`] now.
    pub fn claim(&self, mac: &str) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let vpc = self.ask("vpc get blue")?["name"].as_str().context("a name")?.to_owned();
        let claim = Claim {
            vpc: vpc.rsplit('/').next().unwrap_or_default().to_owned(),
            address: lab::HAVIP.to_string(),
            mac: mac.to_owned(),
            number: 1,
            observed_at: u64::try_from(now)?,
        };
        let gateway = "regions/r1/gateways/gw-9".to_owned();
        let request = ReportClaimsRequest { gateway, claims: vec![claim] };
        self.call(async |channel| HealthServiceClient::new(channel).report_claims(request).await)??;
        Ok(())
    }
}
