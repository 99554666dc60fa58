//! What every process needs, whatever it serves: telemetry, the gRPC stack with its limits, readiness, shutdown.

pub mod channel;
pub mod crash;
pub mod listen;
pub mod plant;
pub mod readiness;
pub mod server;
pub mod shutdown;
pub mod telemetry;
