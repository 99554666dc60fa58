//! Stories about the loop around a core, on resource's core.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it saw by panicking"
)]

mod batches;
mod closing;
mod retries;
mod snapshots;
mod stories;
