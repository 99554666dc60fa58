//! The rules as stories: given what happened, when somebody asks, then these events or this refusal. And the
//! invariants that hold after every sequence of commands.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that goes wrong says so by panicking"
)]

mod actions;
mod binding_bind;
mod binding_fixture;
mod binding_gateways;
mod binding_move;
mod binding_progress;
mod executor;
mod failovers;
mod fixture;
mod free_ranges;
mod holder;
mod holder_everywhere;
mod holder_excluded;
mod holder_leases;
mod holder_rules;
mod holder_silence;
mod holder_zombies;
mod labels;
mod names;
mod packed;
mod properties;
mod resource_cooling;
mod resource_deletes;
mod resource_eip_updates;
mod resource_eips;
mod resource_havip_updates;
mod resource_havips;
mod resource_holds;
mod resource_names;
mod resource_networks;
mod resource_pool_changes;
mod resource_pools;
mod resource_quotas;
mod resource_reserved;
mod resource_vnics;
mod revisions;
mod together;
mod world;
