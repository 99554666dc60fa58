//! `history FOLDER EVENTS`: writes a region's history into segment files, to measure starts on. `history FOLDER --bindings N`:
//! a region that has so many, and little history.
#![allow(clippy::print_stdout, reason = "a program for people")]

use std::path::Path;

use anyhow::{Context, Result};
use mooring_event_log::segments::{Options, Segments};
use mooring_tests::history;

#[tokio::main]
async fn main() -> Result<()> {
    let usage = "usage: history FOLDER EVENTS, or history FOLDER --bindings N";
    let words: Vec<String> = std::env::args().skip(1).collect();
    let log = Segments::open(Path::new(words.first().context(usage)?), Options::default(), &[])?.log;
    let written = match &words[1..] {
        [flag, bindings] if flag == "--bindings" => {
            history::write_bound(log.as_ref(), bindings.parse().context(usage)?).await?
        }
        [events] => history::write(log.as_ref(), events.parse().context(usage)?).await?,
        _ => anyhow::bail!(usage),
    };
    log.close();
    println!("{} events in {} records, {} HAVIPs", written.events, written.position, written.havips);
    Ok(())
}
