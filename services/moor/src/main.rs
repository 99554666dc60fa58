//! `moor`: the command-line client of Mooring, for people and programs.

mod args;
mod binding;
mod client;
mod completion;
mod custody;
mod delete;
mod diff;
mod eip;
mod explain;
mod failovers;
mod failure;
mod filtered;
mod gateway;
mod havip;
mod history;
mod holder;
mod invocation;
mod json;
mod labels;
mod log;

mod output;
mod past;
mod pool;
mod preview;
mod quota;
mod ready;
mod replay;
mod resolve;
mod resumed;
mod revision;
mod servers;
mod status;
mod subnet;
mod table;
mod trace;
mod vnic;
mod vpc;
mod watched;
mod wire;

use std::process::ExitCode;

use crate::{args::Arguments, failure::Exit, invocation::Invocation};

/// A log that is folded is many small things: with the C library's allocator the most of the time is spent in it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match Arguments::read() {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    let output = arguments.global.output;
    let done = match Invocation::new(&arguments.global) {
        Ok(moor) => arguments.command.run(&moor).await,
        Err(failure) => Err(failure),
    };
    match done {
        Ok(()) => Exit::Done.into(),
        Err(failure) => output.failure(&failure),
    }
}
