//! How long a question to a log of many events takes: each filter's first page of 100 events, over gRPC, from a `mooringd`
//! that has just built its index.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mooring_domain::Position;
use mooring_event_log::segments::walk;
use mooring_ledger::{
    commits,
    index::{Concerns, Term},
};
use mooring_proto::dataplane::v1::{
    Commit, EventFilter, ListEventsRequest, events_service_client::EventsServiceClient,
};
use tonic::{Code, transport::Endpoint};

use super::figure::{Figure, Goal};
use super::program::Program;
use super::report::Report;
use super::start;
use crate::channel::{Channel, connect};
use crate::server::own_folder;

/// For each question, in milliseconds, over 1 000 000 events.
const GOAL: Goal = Goal::AtMost(100.0);
const PEER: &str = "the whole log read";
/// Each question is asked of so many things, so often.
const THINGS: usize = 20;
const ROUNDS: usize = 3;
/// How long the index may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is asked, and how the question is called.
type Question = (&'static str, Box<dyn Fn(&Commit) -> EventFilter>);

/// Writes a history of so many events, has `mooringd` build its index of it, and asks.
pub fn events(events: u64, report: &mut Report) -> Result<()> {
    let folder = own_folder()?;
    let data = folder.path().join("data");
    let log = data.join("log").join("r1");
    start::write("events", &log, events, report)?;
    let read = read_through(&log)?;
    report.enter(figure("the whole log read, for one EIP", read))?;
    let path = data.to_str().context("a folder without a name")?;
    let server = Program::start(
        "mooringd",
        folder.path(),
        &["--data", path, "--region", "r1", "--listen", "127.0.0.1:0"],
    )?;
    let runtime = tokio::runtime::Runtime::new()?;
    let begin = Instant::now();
    runtime.block_on(async {
        let channel = connect(Endpoint::from_shared(format!("http://{}", server.address))?).await?;
        let mut client = EventsServiceClient::new(channel).max_decoding_message_size(64 * 1024 * 1024);
        built(&mut client).await?;
        report.enter(Figure::new(
            "events",
            "the index built, behind ready",
            begin.elapsed().as_secs_f64(),
            "s",
        ))?;
        measure(&mut client, read, report).await
    })?;
    let stop = Instant::now();
    server.stop()?;
    report.enter(Figure::new(
        "events",
        "an orderly stop, the index stored",
        stop.elapsed().as_secs_f64(),
        "s",
    ))?;
    let size = size(&data.join("index"))?;
    report.enter(Figure::new("events", "size of the index", size as f64 / 1e6, "MB"))
}

/// Asks for everything after the last record until the index has that.
async fn built(client: &mut EventsServiceClient<Channel>) -> Result<()> {
    let begin = Instant::now();
    loop {
        match ask(client, &EventFilter::default()).await {
            Err(status) if status.code() == Code::Unavailable && begin.elapsed() < PATIENCE => {}
            answered => return Ok(answered.map(drop)?),
        }
    }
}

async fn measure(client: &mut EventsServiceClient<Channel>, read: f64, report: &mut Report) -> Result<()> {
    let bound = EventFilter { kinds: vec!["bound".into()], ..Default::default() };
    let samples = samples(client, bound).await?;
    ensure!(samples.len() == THINGS, "{} bindings", samples.len());
    for (name, filter) in questions() {
        let (mut took, mut found) = (Vec::new(), 0);
        for sample in samples.iter().cycle().take(THINGS * ROUNDS) {
            let filter = filter(sample);
            let begin = Instant::now();
            found += ask(client, &filter).await?;
            took.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        ensure!(found > 0, "{name} finds nothing");
        took.sort_by(f64::total_cmp);
        let median = figure(&format!("{name}, median"), took[took.len() / 2]);
        report.enter(median.beside(PEER, read))?;
        let slowest = figure(&format!("{name}, slowest"), took[took.len() - 1]);
        report.enter(slowest.beside(PEER, read).goal(GOAL))?;
    }
    Ok(())
}

/// Binds from all over the log: what is asked for is taken from them.
async fn samples(client: &mut EventsServiceClient<Channel>, filter: EventFilter) -> Result<Vec<Commit>> {
    let end =
        ask_from(client, &EventFilter::default(), 0, 1).await?.first().map_or(0, |first| first.position);
    let mut all = Vec::new();
    let mut after = end;
    while let Some(last) = ask_from(client, &filter, after, 1000).await?.pop() {
        after = last.position;
        all.push(last);
    }
    let step = (all.len() / THINGS).max(1);
    Ok(all.iter().step_by(step).cycle().take(THINGS).cloned().collect())
}

fn questions() -> Vec<Question> {
    let by_name = |commit: &Commit| {
        let (eip, havip) = pair(commit);
        let project = havip.project.clone();
        let eip = format!("projects/{project}/regions/r1/eips/{}", eip.display_name);
        (eip, format!("projects/{project}/regions/r1/havips/{}", havip.display_name), project)
    };
    let kinds = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let nothing = EventFilter::default;
    vec![
        ("by EIP", Box::new(move |commit| EventFilter { eip: by_name(commit).0, ..nothing() })),
        ("by HAVIP", Box::new(move |commit| EventFilter { havip: by_name(commit).1, ..nothing() })),
        ("by project", Box::new(move |commit| EventFilter { project: by_name(commit).2, ..nothing() })),
        ("by actor", Box::new(move |commit| EventFilter { actor: commit.actor.clone(), ..nothing() })),
        ("by kind", Box::new(move |_| EventFilter { kinds: kinds(&["holder_changed"]), ..nothing() })),
        (
            "by a kind that hardly is",
            Box::new(move |_| EventFilter { kinds: kinds(&["vpc_created"]), ..nothing() }),
        ),
        ("by time", Box::new(move |commit| EventFilter { recorded_from: commit.recorded_at, ..nothing() })),
        (
            "by project, actor, kind and time",
            Box::new(move |commit| EventFilter {
                project: by_name(commit).2,
                actor: commit.actor.clone(),
                kinds: kinds(&["bound", "unbound"]),
                recorded_from: commit.recorded_at,
                ..nothing()
            }),
        ),
    ]
}

type Pair = (mooring_proto::event::v1::EipFacts, mooring_proto::event::v1::HavipFacts);

/// What a bind was about.
fn pair(commit: &Commit) -> Pair {
    use mooring_proto::event::v1::event::Kind;
    match commit.events.first().and_then(|event| event.kind.clone()) {
        Some(Kind::Bound(bound)) => (bound.eip.unwrap_or_default(), bound.havip.unwrap_or_default()),
        _ => Pair::default(),
    }
}

/// How many events the first page has.
async fn ask(
    client: &mut EventsServiceClient<Channel>,
    filter: &EventFilter,
) -> Result<usize, tonic::Status> {
    Ok(ask_from(client, filter, 0, 100).await?.iter().map(|commit| commit.events.len()).sum())
}

async fn ask_from(
    client: &mut EventsServiceClient<Channel>,
    filter: &EventFilter,
    after: u64,
    page_size: i32,
) -> Result<Vec<Commit>, tonic::Status> {
    let request = ListEventsRequest {
        parent: "regions/r1".to_owned(),
        filter: Some(filter.clone()),
        after_position: after,
        page_size,
        ..Default::default()
    };
    Ok(client.list_events(request).await?.into_inner().commits)
}

/// The time without an index, in milliseconds: every record is read and its events are looked at.
fn read_through(log: &Path) -> Result<f64> {
    let begin = Instant::now();
    let (mut concerns, mut wanted, mut found) = (Concerns::default(), None, 0_u64);
    let mut failed = None;
    walk(log, |record| match commits(record) {
        Ok(commits) => {
            for (commit, event) in
                commits.iter().flat_map(|commit| commit.events.iter().map(move |event| (commit, event)))
            {
                let terms = concerns.of(commit, event);
                let eip = terms.iter().find(|term| matches!(term, Term::Eip(_)));
                if wanted.is_none() {
                    wanted = eip.cloned();
                }
                found += u64::from(eip.is_some() && eip == wanted.as_ref());
            }
            std::ops::ControlFlow::Continue(())
        }
        Err(error) => {
            failed = Some(error);
            std::ops::ControlFlow::Break(())
        }
    })?;
    ensure!(failed.is_none() && found > 0, "{failed:?}, {found} found after {:?}", Position(0));
    Ok(begin.elapsed().as_secs_f64() * 1e3)
}

fn figure(case: &str, milliseconds: f64) -> Figure {
    Figure::new("events", case, milliseconds, "ms")
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        bytes += if path.is_dir() { size(&path)? } else { path.metadata()?.len() };
    }
    Ok(bytes)
}
