//! The log folded into what each VPC's kernel should have, and the way there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

mod diff;
mod fold;
mod golden;
mod log;
mod model;
mod running;
