//! Who holds a HAVIP, told with real packets: storms, silence, zombies, two masters, and a gateway that was away.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bad_arp;
mod clocks;
mod crowd;
mod damped;
mod healing;
mod masters;
mod members;
mod silence;
mod stage;
mod storms;
mod urgency;
