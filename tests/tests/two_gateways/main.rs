//! Two gateways of one region, both carrying every EIP: separate processes over a real NATS, real kernels, real
//! keepalived, and a pair of ordinary routers beside them to be measured against.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod asked;
mod attested;
mod away;
mod both;
mod carried;
mod claims;
mod dead;
mod errors;
mod failover;
mod joins;
mod lanes;
mod moved;
mod moves;
mod plain;
mod receipts;
mod returns;
mod stage;
mod turned;
mod unattended;
