//! `moor log init`: makes the JetStream stream of each region, with an administrator's login.

use clap::Args;
use mooring_domain::name::RegionId;
use mooring_event_log::jetstream::admin::{self, Found};
use serde_json::{Value, json};

use super::nats::{Nats, regions};
use crate::{failure::Failure, invocation::Invocation};

/// Make a region's JetStream stream, or see that it is as it must be
///
/// Needs a login that may do that; `moor log users` prints one. Doing it again changes nothing, and what is there with
/// other settings is refused and stays as it is.
#[derive(Debug, Args)]
pub struct Init {
    /// The NATS servers: nats://HOST:4222 or tls://HOST:4222, several with commas between them
    url: String,
    /// The regions [default: --region]
    #[arg(value_name = "REGION")]
    regions: Vec<RegionId>,
    /// On how many servers each is kept
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    replicas: u8,
    #[command(flatten)]
    nats: Nats,
}

impl Init {
    /// Does it, region by region, and prints what it made or found.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let regions = regions(moor, self.regions)?;
        let at = self.nats.connect("URL", &self.url).await?;
        let mut done = Vec::new();
        for region in &regions {
            done.push((region, admin::init(&at, region.as_str(), self.replicas.into()).await?));
        }
        let lines: Vec<_> = done.iter().map(|(region, found)| line(region, found)).collect();
        let values: Value = done.iter().map(|(region, found)| value(region, found)).collect();
        moor.output.say(&lines.join("\n"), &values)
    }
}

fn line(region: &RegionId, found: &Found) -> String {
    let Found { name, created, last, replicas, made } = found;
    let copies = if *replicas == 1 { "1 replica".to_owned() } else { format!("{replicas} replicas") };
    match made {
        true => {
            format!("region {region}: made JetStream stream {name}, {copies}; every setting was read back")
        }
        false => format!(
            "region {region}: JetStream stream {name} is there since {created}, {copies}, and ends at {last}; \
             every setting is as it must be"
        ),
    }
}

fn value(region: &RegionId, found: &Found) -> Value {
    json!({
        "region": region.as_str(),
        "jetstream_stream": found.name,
        "made": found.made,
        "created": found.created,
        "last": found.last,
        "replicas": found.replicas,
    })
}
