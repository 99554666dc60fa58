//! `moor log`: reads and follows a region's history, every commit once and in order, or what a filter asks for of it. Below
//! it, the verbs for the log itself: where it is kept, and by whom.

mod archive;
mod backup;
mod compat;
mod copy;
mod filters;
mod init;
mod nats;
mod printer;
mod server;
mod through;
mod users;
mod verify;

use clap::{Args, Subcommand};

use self::{filters::Filters, printer::Printer, server::Source};
use crate::{failure::Failure, invocation::Invocation};

/// What happened: when, by whom, at which position. Times are UTC.
///
/// From the server, or with PLACE from a log where it lies, of a stopped system or a backup. What filters ask for must be true of
/// an event all together. A name that nothing has, or ever had, is refused.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Log {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// A log that is read where it lies: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    place: Option<String>,
    /// Go on with what happens from now on, for ever; a server that is started again is asked again
    #[arg(long, conflicts_with_all = ["place", "to"])]
    follow: bool,
    /// Only what came after this position
    #[arg(long, value_name = "POSITION", default_value_t = 0, conflicts_with = "from")]
    after: u64,
    /// End after this many commits
    #[arg(long, value_name = "COMMITS", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    filters: Filters,
}

/// What can be done with the log itself. No service is asked for it.
#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Init),
    Users(users::Users),
    Copy(copy::Copy),
    Verify(verify::Verify),
    Compat(compat::Compat),
    Backup(backup::Backup),
    Archive(archive::Archive),
    Restore(backup::Restore),
}

/// What happened to a HAVIP, of these kinds, as `moor log` tells it.
pub async fn of_havip(
    moor: &Invocation,
    havip: &str,
    kinds: impl Iterator<Item = &'static str>,
) -> Result<(), Failure> {
    let filters = Filters::of_havip(havip, kinds);
    let mut printer = Printer::new(moor.output, 0, None);
    let listed = async {
        let source = Source::new(moor, &filters, &mut printer).await?;
        source.list(moor, &mut printer).await
    };
    listed.await.map_err(|failure| failure.of_argument("--havip", "HAVIP"))
}

impl Log {
    /// Prints it, as lines for people or as JSON lines.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        if self.verb.is_some() && moor.log.is_some() {
            return Err(Failure::usage(
                "the verbs of `moor log` are told their log as PLACE: leave --log out",
            ));
        }
        match self.verb {
            Some(Verb::Init(init)) => return init.run(moor).await,
            Some(Verb::Users(users)) => return users.run(moor).await,
            Some(Verb::Copy(copy)) => return copy.run(moor).await,
            Some(Verb::Verify(verify)) => return verify.run(moor),
            Some(Verb::Archive(archive)) => return archive.run(moor),
            Some(Verb::Backup(backup)) => return backup.run(moor),
            Some(Verb::Restore(restore)) => return restore.run(moor),
            Some(Verb::Compat(compat)) => return compat.run(moor),
            None => {}
        }
        let mut printer = Printer::new(moor.output, self.after, self.limit);
        if let Some(place) = moor.place(self.place.as_deref())? {
            if self.follow {
                return Err(Failure::usage(
                    "a log where it lies is read, not followed: leave --log or --follow out",
                ));
            }
            return through::run(moor, &place, &self.filters, printer);
        }
        let source = Source::new(moor, &self.filters, &mut printer).await?;
        match self.follow {
            true => source.follow(moor, &mut printer).await,
            false => source.list(moor, &mut printer).await,
        }
    }
}
