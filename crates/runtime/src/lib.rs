//! What every process needs, whatever it serves: its settings, telemetry, the gRPC stack with its limits, readiness,
//! the way to other services, shutdown.

pub mod args;
mod circuit;
pub mod config;
mod connections;
pub mod crash;
mod data;
mod explained;
mod later;
pub mod listen;
mod panics;
pub mod peer;
pub mod plant;
pub mod process;
pub mod readiness;
pub mod server;
pub mod shutdown;
pub mod telemetry;
mod unavailable;

/// The allocator of every process: with the C library's a fifth of the CPU that binds take was spent in that library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
