//! The four services as processes of their own, over a real NATS: their settings, their life, their end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod carried;
mod life;
mod newer;
mod panics;
mod peers;
mod readiness;
mod reports;
mod settings;
mod starting;
mod stopping;
mod unclaimed;
