//! Stories about the loop around a core, on resource's core.

mod batches;
mod retries;
mod snapshots;
mod stories;
