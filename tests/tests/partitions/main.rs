//! A cluster in bad surroundings: networks that are cut, silent or slow, processes that stand still, disks without room.
//! Gateways go on forwarding through all of it; afterwards everything converges and nothing is lost.
//!
//! `MOORING_SEED` repeats the same choices.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod alone;
mod full;
mod network;
mod paused;
mod stage;
mod stale;
