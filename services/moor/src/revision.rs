//! `--expected-revision`, of the verbs that change or end what exists.

use clap::Args;

/// What the caller takes a thing to be at.
#[derive(Clone, Copy, Debug, Args)]
pub struct Expected {
    /// Only if its POSITION, as lists show it, is still this: refused (STALE_REVISION) if somebody changed it since
    #[arg(
        long = "expected-revision",
        value_name = "POSITION",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub revision: u64,
}
