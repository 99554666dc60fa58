//! `history FOLDER EVENTS`: writes a region's history into segment files, to measure starts on.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::path::Path;

use anyhow::{Context, Result};
use mooring_event_log::segments::{Options, Segments};
use mooring_tests::history;

#[tokio::main]
async fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let usage = "usage: history FOLDER EVENTS";
    let (folder, events) = (words.next().context(usage)?, words.next().context(usage)?);
    let log = Segments::open(Path::new(&folder), Options::default(), &[])?.log;
    let written = history::write(log.as_ref(), events.parse().context(usage)?).await?;
    log.close();
    println!("{} events in {} records, {} HAVIPs", written.events, written.position, written.havips);
    Ok(())
}
