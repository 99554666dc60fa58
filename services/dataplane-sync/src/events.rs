//! The events API: which events concern a thing, and what happens to it from now on. The index says where they stand,
//! the log what they are.

mod found;
mod token;

use std::{pin::Pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use mooring_domain::{Position, Rejection, name::RegionId};
use mooring_ledger::index::{Entry, Unanswered};
use mooring_proto::{
    dataplane::v1::{
        EventFilter, ListEventsRequest, ListEventsResponse, WatchEventsRequest, WatchEventsResponse,
        events_service_server::EventsService,
    },
    page,
    status::{Unserved, bad_field, failure, from_rejection, from_unserved},
    together::together,
};
use tonic::{Code, Request, Response, Status};

pub(crate) use self::found::Source;
use self::{
    found::{Page, Query},
    token::Token,
};
use crate::grpc::{Dataplane, View, unserved};

/// Events read at once for a watch.
const AT_ONCE: usize = 100;
/// A watch looks again at an index that is built again.
const PAUSE: Duration = Duration::from_millis(200);

/// The service; it looks at what the dataplane's has.
#[derive(Clone)]
pub(crate) struct Events(pub(crate) Dataplane);

/// The index can't answer.
pub(crate) fn unanswered(unanswered: &Unanswered) -> Status {
    match unanswered {
        Unanswered::Behind { .. } => {
            failure(Code::Unavailable, "INDEX_BEHIND", format!("{unanswered}; try again"), true)
        }
        Unanswered::Failed(_) => {
            tracing::error!(%unanswered, "events were asked for");
            from_unserved(Unserved::Damaged)
        }
    }
}

fn outside(field: &'static str, position: u64, tail: Position) -> Status {
    from_rejection(&Rejection::outside_the_log(field, Position(position), tail))
}

/// What an answer is made from, and where the log ends.
pub(crate) async fn source(view: &View) -> Result<(Source, Position), Status> {
    let tail = view.log.tail().await.map_err(|error| unserved(&error))?;
    let tail = Position(tail.position.0);
    view.index.up_to(tail).await.map_err(|error| unanswered(&error))?;
    Ok((Source { log: Arc::clone(&view.log), index: view.index.clone() }, tail))
}

/// What a filter asks for, and what its tokens are known by.
async fn query(
    source: &Source,
    region: &RegionId,
    filter: Option<&EventFilter>,
) -> Result<(Query, u32), Status> {
    let nothing = EventFilter::default();
    let filter = filter.unwrap_or(&nothing);
    Ok((Query::new(source, region, filter).await?, token::fingerprint(filter)))
}

/// Where to begin: behind a position of the log, or where a token says.
fn begin(
    (field, token): (&'static str, &str),
    after: u64,
    tail: Position,
    fingerprint: u32,
) -> Result<Entry, Status> {
    if !token.is_empty() {
        let token = Token::parse(token, fingerprint);
        return token.map(|token| token.entry()).ok_or_else(|| {
            bad_field(field, "is no token of this question; everything else must be as it was")
        });
    }
    match after > tail.0 {
        true => Err(outside("after_position", after, tail)),
        false => Ok(Entry::after(Position(after))),
    }
}

#[tonic::async_trait]
impl EventsService for Events {
    async fn list_events(
        &self,
        request: Request<ListEventsRequest>,
    ) -> Result<Response<ListEventsResponse>, Status> {
        let request = request.get_ref();
        let ((region, view), limit) =
            together((self.0.view(&request.parent), page::limit(request.page_size)))?;
        let (source, tail) = source(view).await?;
        let (query, fingerprint) = query(&source, &region, request.filter.as_ref()).await?;
        let start = begin(("page_token", &request.page_token), request.after_position, tail, fingerprint)?;
        let end = match request.up_to_position {
            0 => tail,
            up_to if up_to > tail.0 => return Err(outside("up_to_position", up_to, tail)),
            up_to => Position(up_to),
        };
        let end = Entry::after(end);
        let Page { commits, next } = query.page(&source, start..end, limit).await?;
        let more = query.any(&source, next..end).await?;
        let token = Token { entry: next, fingerprint }.to_string();
        Ok(Response::new(ListEventsResponse {
            commits,
            next_page_token: if more { token } else { String::new() },
        }))
    }

    type WatchEventsStream = Pin<Box<dyn Stream<Item = Result<WatchEventsResponse, Status>> + Send>>;

    async fn watch_events(
        &self,
        request: Request<WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        let request = request.get_ref();
        let (region, view) = self.0.view(&request.parent)?;
        let (source, tail) = source(view).await?;
        let (query, fingerprint) = query(&source, &region, request.filter.as_ref()).await?;
        let cursor =
            begin(("resume_token", &request.resume_token), request.after_position, tail, fingerprint)?;
        let watching = Watching { source, query, fingerprint, cursor };
        let pages = stream::unfold(Some(watching), |watching| async move {
            let mut watching = watching?;
            let answers = watching.next().await;
            let ended = answers.is_err();
            Some((answers, (!ended).then_some(watching)))
        });
        let answers = pages.flat_map(|answers| {
            let (answers, error) = match answers {
                Ok(answers) => (answers, None),
                Err(status) => (Vec::new(), Some(Err(status))),
            };
            stream::iter(answers.into_iter().map(Ok).chain(error))
        });
        let stopping = stream::once(async { Err(from_unserved(Unserved::Closed)) });
        Ok(Response::new(answers.take_until(self.0.shutdown.clone().stopped()).chain(stopping).boxed()))
    }
}

/// A watch under way.
struct Watching {
    source: Source,
    query: Query,
    fingerprint: u32,
    cursor: Entry,
}

impl Watching {
    /// The next answers, when there are some.
    async fn next(&mut self) -> Result<Vec<WatchEventsResponse>, Status> {
        let mut indexed = self.source.index.watch();
        loop {
            let now = indexed.borrow_and_update().clone();
            let end = Entry::after(now.position);
            if self.cursor < end {
                match self.query.page(&self.source, self.cursor..end, AT_ONCE).await {
                    Ok(page) => {
                        self.cursor = page.next;
                        if !page.commits.is_empty() {
                            return Ok(self.answers(page));
                        }
                        continue;
                    }
                    // It is built again; then the watch goes on where it was.
                    Err(status) if status.code() == Code::Unavailable => tokio::time::sleep(PAUSE).await,
                    Err(status) => return Err(status),
                }
            }
            if let Some(why) = now.failure {
                return Err(unanswered(&Unanswered::Failed(why)));
            }
            indexed.changed().await.map_err(|_| from_unserved(Unserved::Closed))?;
        }
    }

    fn answers(&self, page: Page) -> Vec<WatchEventsResponse> {
        let answer = |commit: mooring_proto::dataplane::v1::Commit| {
            let entry = Entry::after_commit(mooring_domain::CommitPosition {
                position: Position(commit.position),
                index: commit.index,
            });
            let resume_token = Token { entry, fingerprint: self.fingerprint }.to_string();
            WatchEventsResponse { commit: Some(commit), resume_token }
        };
        page.commits.into_iter().map(answer).collect()
    }
}
