//! What an administrator does with a NATS server before and around Mooring, against real `nats-server` processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod connecting;
mod copying;
mod durability;
mod fixture;
mod given;
mod initialised;
mod moor;
mod restored;
mod settings;
mod users;
