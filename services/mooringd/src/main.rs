//! All four services in one process, over one log of segment files.

mod args;
mod serve;

use std::process::ExitCode;

use mooring_runtime::{
    config,
    process::{self, Share},
};

fn main() -> ExitCode {
    let args: args::Args = config::parse();
    args.process.logs();
    process::main(args.process.threads, Share::All, serve::run(args))
}
