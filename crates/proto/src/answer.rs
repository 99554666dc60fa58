//! From the folded state to the API's messages: what a service answers, and what it would have answered then.

pub mod binding;
pub mod failover;
pub mod health;
pub mod resource;
