//! `moor log`: reads and follows a region's history, every commit once and in order. Below it, the verbs for the log
//! itself: where it is kept, and by whom.

mod compat;
mod copy;
mod init;
mod nats;
mod users;
mod verify;

use std::time::Duration;

use clap::{Args, Subcommand};
use futures::{Stream, StreamExt};
use mooring_proto::dataplane::v1::{
    Commit, ListCommitsRequest, WatchCommitsRequest, WatchCommitsResponse,
    dataplane_service_client::DataplaneServiceClient,
};
use tonic::{Code, Status};

use crate::{
    client::LARGEST_ANSWER,
    failure::Failure,
    history::Names,
    invocation::Invocation,
    json,
    output::{Format, print},
    wire,
};

/// How many records a page has.
const RECORDS: i32 = 100;
/// How often a broken stream is taken up again without a commit in between.
const TRIES: u32 = 5;
const BACKOFF: Duration = Duration::from_millis(200);

/// What happened: when, by whom, at which position. Times are UTC.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Log {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Go on with what happens from now on, for ever
    #[arg(long)]
    follow: bool,
    /// Only what came after this position
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: u64,
    /// End after this many commits
    #[arg(long, value_name = "COMMITS", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// What can be done with the log itself. No service is asked for it.
#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Init),
    Users(users::Users),
    Copy(copy::Copy),
    Verify(verify::Verify),
    Compat(compat::Compat),
}

impl Log {
    /// Prints it, as lines for people or as JSON lines.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self.verb {
            Some(Verb::Init(init)) => return init.run(moor).await,
            Some(Verb::Users(users)) => return users.run(moor).await,
            Some(Verb::Copy(copy)) => return copy.run(moor).await,
            Some(Verb::Verify(verify)) => return verify.run(moor),
            Some(Verb::Compat(compat)) => return compat.run(moor),
            None => {}
        }
        let parent = moor.home.regional_parent()?;
        let mut printer = Printer::new(moor.output, self.after, self.limit);
        if self.follow {
            follow(moor, parent, &mut printer).await
        } else {
            list(moor, parent, &mut printer).await
        }
    }
}

async fn list(moor: &Invocation, parent: String, printer: &mut Printer) -> Result<(), Failure> {
    let mut after = printer.after;
    loop {
        let message = ListCommitsRequest { parent: parent.clone(), after, page_size: RECORDS };
        let rpc = async |channel, request| {
            let client = DataplaneServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
            { client }.list_commits(request).await
        };
        let page = moor.dataplane.call(message, rpc).await?;
        for commit in &page.commits {
            if !printer.print(commit)? {
                return Ok(());
            }
        }
        match page.next_after {
            0 => return printer.end(),
            next if next <= after => {
                return Err(Failure::bad_answer("the server's pages of the log do not go on"));
            }
            next => after = next,
        }
    }
}

/// Follows over broken connections; ends at the limit, or when the server stays away.
async fn follow(moor: &Invocation, parent: String, printer: &mut Printer) -> Result<(), Failure> {
    let mut tries = 0;
    loop {
        let message = WatchCommitsRequest { parent: parent.clone(), after: printer.resume_after() };
        let seen = printer.printed;
        let status = match watch(moor, message).await {
            Ok(commits) => match drain(commits, printer).await? {
                Some(status) => status,
                None => return Ok(()),
            },
            Err(status) => status,
        };
        tries = if printer.printed > seen { 1 } else { tries + 1 };
        if tries >= TRIES || !matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled) {
            return Err(moor.dataplane.failure(&status));
        }
        tokio::time::sleep(BACKOFF * tries).await;
    }
}

async fn watch(
    moor: &Invocation,
    message: WatchCommitsRequest,
) -> Result<impl Stream<Item = Result<WatchCommitsResponse, Status>> + Unpin, Status> {
    let client =
        DataplaneServiceClient::new(moor.dataplane.channel()).max_decoding_message_size(LARGEST_ANSWER);
    Ok({ client }.watch_commits(moor.dataplane.endless(message)).await?.into_inner())
}

/// Prints what comes. `None` when the limit is reached, else why the stream ended.
async fn drain(
    mut commits: impl Stream<Item = Result<WatchCommitsResponse, Status>> + Unpin,
    printer: &mut Printer,
) -> Result<Option<Status>, Failure> {
    while let Some(answer) = commits.next().await {
        match answer {
            Ok(WatchCommitsResponse { commit: Some(commit) }) if !printer.print(&commit)? => return Ok(None),
            Ok(_) => {}
            Err(status) => return Ok(Some(status)),
        }
    }
    Ok(Some(Status::unavailable("the server ended the stream")))
}

/// Prints commits, each once.
struct Printer {
    format: Format,
    names: Names,
    after: u64,
    /// Position and index of the last commit printed.
    last: Option<(u64, u32)>,
    printed: u64,
    limit: Option<u64>,
}

impl Printer {
    fn new(format: Format, after: u64, limit: Option<u64>) -> Self {
        Self { format, names: Names::default(), after, last: None, printed: 0, limit }
    }

    /// Prints a commit unless it was printed before. False when the limit is reached.
    fn print(&mut self, commit: &Commit) -> Result<bool, Failure> {
        if let Some(text) = self.text(commit)? {
            print(&text)?;
        }
        Ok(self.limit.is_none_or(|limit| self.printed < limit))
    }

    /// What to print of a commit: nothing when it was printed before.
    fn text(&mut self, commit: &Commit) -> Result<Option<String>, Failure> {
        let at = (commit.position, commit.index);
        if self.last.is_some_and(|last| at <= last) {
            return Ok(None);
        }
        self.last = Some(at);
        self.printed += 1;
        Ok(Some(match self.format {
            Format::Table => lines(commit, &mut self.names),
            Format::Json => json::of("mooring.dataplane.v1.Commit", commit)?.to_string(),
        }))
    }

    /// The last record may have had more commits than were seen: it is asked for again.
    fn resume_after(&self) -> u64 {
        self.last.map_or(self.after, |(position, _)| position.saturating_sub(1).max(self.after))
    }

    fn end(&self) -> Result<(), Failure> {
        let nothing = self.printed == 0 && self.format == Format::Table;
        if nothing { print(&format!("nothing happened after position {}", self.after)) } else { Ok(()) }
    }
}

/// One line for each event of a commit.
fn lines(commit: &Commit, names: &mut Names) -> String {
    let at = format!("{}.{}", commit.position, commit.index);
    let (time, actor, stream) = (wire::time_ms(commit.recorded_at), &commit.actor, &commit.stream);
    let events = commit.events.iter().map(|event| {
        let sentence = names.sentence(event);
        format!("{at:>8}  {time}  {actor:<24}  {stream:<8}  {sentence}")
    });
    events.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use mooring_proto::event::v1::{Event, GatewayRegistered, event::Kind};

    use super::*;

    fn commit(position: u64, index: u32) -> Commit {
        let event = GatewayRegistered { gateway: "gw-1".into(), region: "r1".into() };
        Commit {
            position,
            index,
            stream: "binding".into(),
            actor: "ops@host".into(),
            recorded_at: 1_795_181_156_123_456_789,
            events: vec![Event { kind: Some(Kind::GatewayRegistered(event)) }],
            ..Default::default()
        }
    }

    #[test]
    fn a_line_says_where_when_who_and_what() {
        let line = lines(&commit(12, 0), &mut Names::default());
        let words: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        let expected = [
            "12.0",
            "2026-11-20T13:25:56.123Z",
            "ops@host",
            "binding",
            "gateway gw-1 registered in region r1",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn a_broken_stream_is_taken_up_in_the_middle_of_a_record_without_a_gap_or_a_double() {
        let mut printer = Printer::new(Format::Json, 3, None);
        assert_eq!(printer.resume_after(), 3);
        assert!(printer.text(&commit(4, 0)).unwrap().is_some());
        assert!(printer.text(&commit(5, 0)).unwrap().is_some());
        assert_eq!(printer.resume_after(), 4, "record 5 may have more commits");
        assert!(printer.text(&commit(4, 0)).unwrap().is_none());
        assert!(printer.text(&commit(5, 0)).unwrap().is_none());
        assert!(printer.text(&commit(5, 1)).unwrap().is_some());
        assert_eq!(printer.printed, 3);
    }
}
