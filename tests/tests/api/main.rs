//! The API of a real `mooringd`, over gRPC and without a laboratory: what exists, what fronts what, who holds what, what
//! is refused and why, and what is still true after a crash. One program, a module for each subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod announced;
mod any_request;
mod attested;
mod bad_requests;
mod batches;
mod claims;
mod contested;
mod cooling;
mod deletes;
mod eip_updates;
mod failovers;
mod filters;
mod gateways;
mod given;
mod holders;
mod instances;
mod isolation;
mod log;
mod methods;
mod moving;
mod named;
mod orders;
mod pages;
mod parallel;
mod pool_changes;
mod quotas;
mod reasons;
mod refused;
mod regions;
mod requests;
mod reserved;
mod restart;
mod retries;
mod revisions;
mod rules;
mod seen;
mod silence;
mod unbinding;
mod under_way;
mod updated_havips;
mod validated;
mod watched;
mod watched_bindings;
mod watched_holders;
