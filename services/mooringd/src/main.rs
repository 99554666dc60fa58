//! All four services in one process, over one log of segment files.

mod args;
mod data;
mod process;
mod regions;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let args = args::Args::parse();
    mooring_runtime::telemetry::init(args.log_format.into());
    match process::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
