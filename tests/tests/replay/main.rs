//! Questions asked of a log where it lies, of a stopped system or beside a running one: whether it is whole, how the region
//! was at any moment, and what changed in between. A server is asked in `asked` alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod archive;
mod asked;
mod backup;
mod beside;
mod changes;
mod entered;
mod given;
mod golden;
mod kernels;
mod life;
mod lived;
mod loaded;
mod newer;
mod refused;
mod steps;
mod verified;
