//! The log folded into what each VPC's kernel should have, and the way there.

mod diff;
mod fold;
mod log;
mod model;
