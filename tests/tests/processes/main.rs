//! The four services as processes of their own, over a real NATS: their settings, their life, their end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod carried;
mod life;
mod newer;
mod panics;
mod peers;
mod readiness;
mod refusals;
mod reports;
mod settings;
mod starting;
mod stopping;
mod unclaimed;

use mooring_tests::Cluster;

/// The id of what `line` gets.
fn id(cluster: &Cluster, line: &str) -> String {
    let name = cluster.ask(line).unwrap()["name"].as_str().unwrap().to_owned();
    name.rsplit('/').next().unwrap().to_owned()
}
