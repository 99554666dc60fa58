//! `--watch` and `--limit`, of the verbs that can go on with every change.

use clap::Args;

/// Whether to go on.
#[derive(Clone, Copy, Debug, Args)]
pub struct Watched {
    /// Go on with every change, for ever; a server that is started again is asked again
    #[arg(long)]
    pub watch: bool,
    /// End after so many answers
    #[arg(long, value_name = "ANSWERS", requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
}
