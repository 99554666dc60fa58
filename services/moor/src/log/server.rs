//! The history from the server: page after page, or as it goes on. Without a filter it is asked for whole, which needs no
//! index and is answered while that is built.

use futures::{StreamExt, stream::BoxStream};
use mooring_past::Moment;
use mooring_proto::dataplane::v1::{
    Commit, EventFilter, GetStatusRequest, ListCommitsRequest, ListEventsRequest, WatchCommitsRequest,
    WatchEventsRequest, dataplane_service_client::DataplaneServiceClient,
    events_service_client::EventsServiceClient,
};
use tonic::Status;

use super::{filters::Filters, printer::Printer};
use crate::{client::LARGEST_ANSWER, failure::Failure, invocation::Invocation, resumed::Resumed};

/// How many records, or events, a page has.
const PAGE: i32 = 100;

/// What is asked for.
pub(super) struct Source<'a> {
    parent: String,
    filters: &'a Filters,
    /// None: everything.
    filter: Option<EventFilter>,
    up_to: u64,
}

/// A page: its commits, and where the next one begins, if there is one.
type Page = (Vec<Commit>, Option<Next>);
/// Where to go on: behind a position, or at a token.
type Next = (u64, String);

impl<'a> Source<'a> {
    pub(super) async fn new(
        moor: &Invocation,
        filters: &'a Filters,
        printer: &mut Printer,
    ) -> Result<Self, Failure> {
        let parent = moor.home.regional_parent()?;
        if filters.is_empty() {
            return Ok(Self { parent, filters, filter: None, up_to: 0 });
        }
        let (mut filter, between) = (filters.filter(&moor.home)?, filters.between()?);
        let tail = match between.from {
            Some(Moment::End) => tail(moor, &parent).await?,
            _ => 0,
        };
        let up_to = between.narrow(&mut filter, printer, tail);
        Ok(Self { parent, filters, filter: Some(filter), up_to })
    }

    /// Page after page, to the end.
    pub(super) async fn list(&self, moor: &Invocation, printer: &mut Printer) -> Result<(), Failure> {
        let mut next = (printer.after, String::new());
        loop {
            let (commits, following) = self.page(moor, &next).await?;
            if self.filter.is_some() {
                printer.learn(moor, &commits).await;
            }
            for commit in &commits {
                if !printer.print(commit)? {
                    return Ok(());
                }
            }
            match following {
                None => return printer.end(),
                Some(following) if following == next => {
                    return Err(Failure::bad_answer("the server's pages of the log do not go on"));
                }
                Some(following) => next = following,
            }
        }
    }

    async fn page(&self, moor: &Invocation, next: &Next) -> Result<Page, Failure> {
        let (after, page_token) = next.clone();
        let Some(filter) = self.filter.clone() else {
            let message = ListCommitsRequest { parent: self.parent.clone(), after, page_size: PAGE };
            let rpc = async |channel, request| {
                let client = DataplaneServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
                { client }.list_commits(request).await
            };
            let page = moor.dataplane.call(message, rpc).await?;
            if page.next_after > 0 && page.next_after <= after {
                return Err(Failure::bad_answer("the server's pages of the log do not go on"));
            }
            return Ok((page.commits, (page.next_after > 0).then(|| (page.next_after, String::new()))));
        };
        let message = ListEventsRequest {
            parent: self.parent.clone(),
            filter: Some(filter),
            after_position: after,
            up_to_position: self.up_to,
            page_size: PAGE,
            page_token,
        };
        let rpc = async |channel, request| {
            let client = EventsServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
            { client }.list_events(request).await
        };
        let page = moor.dataplane.call(message, rpc).await.map_err(|failure| self.filters.failed(failure))?;
        let token = page.next_page_token;
        Ok((page.commits, (!token.is_empty()).then_some((after, token))))
    }

    /// Follows over broken connections; ends at the limit, or when the server stays away for as long as a request may take.
    pub(super) async fn follow(&self, moor: &Invocation, printer: &mut Printer) -> Result<(), Failure> {
        let (mut token, mut resumed) = (String::new(), Resumed::new());
        loop {
            let status = match self.watch(moor, printer, &token).await {
                Ok(commits) => {
                    resumed.heard();
                    match self.drain(moor, commits, printer, &mut token).await? {
                        Some(status) => status,
                        None => return Ok(()),
                    }
                }
                Err(status) => status,
            };
            let again = resumed.again(&moor.dataplane, &status).await;
            again.map_err(|failure| self.filters.failed(failure))?;
        }
    }

    async fn watch(&self, moor: &Invocation, printer: &Printer, token: &str) -> Result<Watched, Status> {
        let (parent, channel) = (self.parent.clone(), moor.dataplane.channel());
        let Some(filter) = self.filter.clone() else {
            let message = WatchCommitsRequest { parent, after: printer.resume_after() };
            let client = DataplaneServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
            let commits = { client }.watch_commits(moor.dataplane.endless(message)).await?.into_inner();
            return Ok(commits.map(|next| Ok((next?.commit, String::new()))).boxed());
        };
        let after_position = if token.is_empty() { printer.after } else { 0 };
        let message = WatchEventsRequest {
            parent,
            filter: Some(filter),
            after_position,
            resume_token: token.to_owned(),
        };
        let client = EventsServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        let commits = { client }.watch_events(moor.dataplane.endless(message)).await?.into_inner();
        let read = |next: Result<mooring_proto::dataplane::v1::WatchEventsResponse, Status>| {
            let next = next?;
            Ok((next.commit, next.resume_token))
        };
        Ok(commits.map(read).boxed())
    }

    /// Prints what comes. `None` when the limit is reached, else why the stream ended.
    async fn drain(
        &self,
        moor: &Invocation,
        mut commits: Watched,
        printer: &mut Printer,
        token: &mut String,
    ) -> Result<Option<Status>, Failure> {
        while let Some(answer) = commits.next().await {
            match answer {
                Ok((Some(commit), resume)) => {
                    if self.filter.is_some() {
                        printer.learn(moor, std::slice::from_ref(&commit)).await;
                    }
                    if !printer.print(&commit)? {
                        return Ok(None);
                    }
                    *token = resume;
                }
                Ok((None, _)) => {}
                Err(status) => return Ok(Some(status)),
            }
        }
        Ok(Some(Status::unavailable("the server ended the stream")))
    }
}

/// Commits as they come, each with where to go on behind it.
type Watched = BoxStream<'static, Result<(Option<Commit>, String), Status>>;

/// Where the log ends now.
async fn tail(moor: &Invocation, parent: &str) -> Result<u64, Failure> {
    let message = GetStatusRequest { parent: parent.to_owned(), verify: false };
    let rpc = async |channel, request| DataplaneServiceClient::new(channel).get_status(request).await;
    Ok(moor.dataplane.call(message, rpc).await?.tail)
}
