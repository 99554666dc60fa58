//! Stories about the loop around a core, on resource's core.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what it saw by panicking"
)]

mod batches;
mod closing;
mod crowded;
mod retries;
mod saving;
mod seen;
mod snapshots;
mod starting;
mod stories;
mod validating;
