//! The kernel driver with real packets: what passes, as whom, and what never does.
//!
//! Every story is a function over one laboratory, and [`rules`] takes each rule away in turn and asks a story to fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

mod agreement;
mod between_vpcs;
mod bytes;
mod carried;
mod codes;
mod crossing;
mod errors;
mod fence;
mod hairpin;
mod mtu;
mod options;
mod private;
mod protocols;
mod removal;
mod rules;
mod traces;
mod tracked;
mod unbound;
mod walked;
mod ways;
