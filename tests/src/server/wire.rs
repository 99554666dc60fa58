//! Calls to a `mooringd` that no verb of `moor` makes: those of services to each other, and malformed ones.

use anyhow::{Context, Result};
use tonic::transport::{Channel, Endpoint};

use super::Mooringd;

impl Mooringd {
    /// Makes one gRPC call: `server.call(async |channel| Client::new(channel).method(request).await)`.
    pub fn call<T>(&self, call: impl AsyncFnOnce(Channel) -> T) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let address = format!("http://{}", self.address());
        runtime.block_on(async {
            let channel =
                Endpoint::from_shared(address)?.connect().await.context("connecting to mooringd")?;
            Ok(call(channel).await)
        })
    }
}
