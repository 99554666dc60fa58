//! Questions to the log: which events concern a thing, by whom, when; from the index, and after it was lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod custody;
mod damaged;
mod filters;
mod given;
mod index;
mod model;
mod moor;
mod refused;
mod renamed;
mod watched;
