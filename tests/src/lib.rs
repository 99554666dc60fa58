//! What the end-to-end tests and the demo stand on: a laboratory of network namespaces with real keepalived in it,
//! probes that send and watch real packets, a `mooringd` and a `nats-server` to start, kill and ask.
//!
//! All of it needs root, and none of it touches the host's own network.

pub mod bench;
pub mod channel;
pub mod client;
pub mod cluster;
pub mod figures;
pub mod golden;
pub mod history;
pub mod lab;
pub mod linearizable;
pub mod load;
pub mod nats;
pub mod page;
pub mod probe;
pub mod proxy;
pub mod server;
pub mod small_disk;
pub mod story;
pub mod usage;
pub mod wait;

pub use client::Client;
pub use cluster::{Cluster, Part};
pub use lab::{Keepalived, Lab, Namespace};
pub use nats::NatsServer;
pub use server::Mooringd;
pub use wait::wait_for;
