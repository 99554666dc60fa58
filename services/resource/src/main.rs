//! The resource service as a process of its own.

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
    process::main(args.process.threads, Share::Half, serve::run(args))
}
