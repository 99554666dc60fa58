//! A gateway at work: a real `mooringd`, a real kernel, real packets, and somebody who pulls at it while it runs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "how long it took is said to whoever asks for the output")]

mod audited;
mod away;
mod compared;
mod damaged;
mod decommissioned;
mod deleted;
mod drift;
mod kept;
mod links;
mod namespaces;
mod places;
mod recorded;
mod stage;
mod two;
mod unprivileged;
