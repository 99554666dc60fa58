//! `moor log copy`: a region's log from one place to another, compared record by record.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;
use mooring_domain::name::RegionId;
use mooring_event_log::{
    jetstream::durability::Durability,
    transfer::{Place, Progress, Transferred, transfer},
};
use serde_json::{Value, json};

use super::nats::{Durable, Nats};
use crate::{failure::Failure, invocation::Invocation, output::Format, resolve::Argument};

/// Progress is said this often.
const EVERY: Duration = Duration::from_secs(1);

/// Copy a region's log: order, ids, times and hashes stay what they are
///
/// A place is file:FOLDER, the data folder of a mooringd or of a service that does not run, or nats://HOST:4222, where
/// `moor log init` was done. What TO has must be how FROM begins: an interrupted copy is taken up where it ended, and
/// anything else is refused, naming the first record that differs. At the end every record is read again from both.
#[derive(Debug, Args)]
pub struct Copy {
    /// Where the log is
    from: String,
    /// Where it goes
    to: String,
    #[command(flatten)]
    nats: Nats,
    #[command(flatten)]
    durable: Durable,
}

impl Copy {
    /// Does it, and prints what it did.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let region = moor.home.region()?;
        let from = self.place("FROM", &self.from, region, false)?;
        let to = self.place("TO", &self.to, region, true)?;
        let mut said = Said { format: moor.output, last: Instant::now() };
        let done = transfer(&from, &to, |progress| said.progress(progress)).await?;
        moor.output.say(&sentence(&from, &to, &done), &value(&from, &to, region, &done))
    }

    fn place(
        &self,
        argument: &'static str,
        text: &str,
        region: &RegionId,
        to_write: bool,
    ) -> Result<Place, Failure> {
        if let Some(folder) = text.strip_prefix("file:").filter(|folder| !folder.is_empty()) {
            let folder = Path::new(folder.strip_prefix("//").unwrap_or(folder));
            return Ok(Place::Files(log_in(folder, region)));
        }
        let lower = text.to_ascii_lowercase();
        if !lower.starts_with("nats://") && !lower.starts_with("tls://") {
            let what = "expected file:FOLDER, nats://HOST:PORT or tls://HOST:PORT";
            return Err(Failure::argument(Argument::new(argument, ""), what));
        }
        let servers = self.nats.servers(argument, text)?;
        let durability = if to_write { self.nats.durability(&self.durable)? } else { Durability::Trusted };
        Ok(Place::JetStream { servers, durability, region: region.as_str().to_owned() })
    }
}

/// Where a data folder has a region's log.
fn log_in(data: &Path, region: &RegionId) -> PathBuf {
    data.join("log").join(region.as_str())
}

/// What was said of the progress.
struct Said {
    format: Format,
    last: Instant,
}

impl Said {
    /// Says it on stderr, once in a while.
    fn progress(&mut self, progress: Progress) {
        if self.last.elapsed() < EVERY {
            return;
        }
        self.last = Instant::now();
        let (doing, position) = match progress {
            Progress::Comparing(position) => ("comparing", position),
            Progress::Copied(position) => ("copying", position),
            Progress::Verified(position) => ("verifying", position),
        };
        let line = match self.format {
            Format::Table => format!("{doing}: record {position}"),
            Format::Json => json!({"doing": doing, "position": position.0}).to_string(),
        };
        // Whoever closed stderr does not want to know.
        let _ = writeln!(io::stderr(), "{line}");
    }
}

fn sentence(from: &Place, to: &Place, done: &Transferred) -> String {
    let Transferred { already, last, .. } = done;
    let copied = last.0 - already.0;
    let before = if already.0 == 0 { String::new() } else { format!(" after {already} that were there") };
    format!(
        "copied {copied} records{before} from {from} to {to}; all {last} were read again from both, and are the same"
    )
}

fn value(from: &Place, to: &Place, region: &RegionId, done: &Transferred) -> Value {
    let Transferred { already, last, hash } = done;
    let hash: String = hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "region": region.as_str(),
        "from": from.to_string(),
        "to": to.to_string(),
        "already": already.0,
        "copied": last.0 - already.0,
        "last": last.0,
        "hash": hash,
        "verified": true,
    })
}
