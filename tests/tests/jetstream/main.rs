//! The JetStream engine against real `nats-server` processes: the conformance suite, and what no other engine has:
//! lost acknowledgements, a server that is gone, one that lost something, copies, several processes on one log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod away;
mod conformance;
mod copies;
mod full;
mod given;
mod lost_answers;
mod lost_end;
mod speed;
mod synced;
mod users;
