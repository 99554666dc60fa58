//! The health service as a process of its own.

mod args;
mod serve;

use std::process::ExitCode;

use mooring_runtime::{config, process};

#[tokio::main]
async fn main() -> ExitCode {
    let args: args::Args = config::parse();
    args.process.logs();
    process::ended(serve::run(args).await)
}
