//! The kernel driver with real packets: what passes, as whom, and what never does.
//!
//! Every story is a function over one laboratory, and [`rules`] takes each rule away in turn and asks a story to fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a story that goes wrong says so by panicking")]

mod bytes;
mod carried;
mod errors;
mod fence;
mod mtu;
mod private;
mod removal;
mod rules;
mod ways;
