//! Why packets go where they go: `moor trace` and `moor explain`, asked of a running gateway, of its log where it lies, and of
//! the past. That a walk says what a kernel does is shown in `tests/tests/packets/walked.rs`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod explained;
mod gateways;
mod given;
mod provenance;
mod traced;
