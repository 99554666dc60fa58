//! The past as the server tells it that follows the log.

use mooring_past as past;
use mooring_proto::dataplane::v1::{
    Change, DiffRegionRequest, Moment, ReplayRegionRequest, Thing, past_service_client::PastServiceClient,
};

use crate::{client::LARGEST_ANSWER, failure::Failure, invocation::Invocation, resolve::Argument};

/// What there was, and at which commit.
pub async fn replay(moor: &Invocation, at: Argument<'_>) -> Result<(Moment, Vec<Thing>), Failure> {
    check(at)?;
    let message = ReplayRegionRequest { parent: parent(moor)?, at: at.text.to_owned() };
    let rpc = async |channel, request| {
        let client = PastServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        { client }.replay_region(request).await
    };
    let parts = moor.dataplane.gather(message, rpc).await;
    let parts = parts.map_err(|failure| failure.of_argument("at", at.place))?;
    let moment = parts.first().and_then(|part| part.moment.clone()).ok_or_else(without_moment)?;
    Ok((moment, parts.into_iter().flat_map(|part| part.things).collect()))
}

/// What changed, and from which commit to which.
pub async fn diff(
    moor: &Invocation,
    from: Argument<'_>,
    to: Argument<'_>,
) -> Result<(Moment, Moment, Vec<Change>), Failure> {
    check(from)?;
    check(to)?;
    let message =
        DiffRegionRequest { parent: parent(moor)?, from: from.text.to_owned(), to: to.text.to_owned() };
    let rpc = async |channel, request| {
        let client = PastServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        { client }.diff_region(request).await
    };
    let parts = moor.dataplane.gather(message, rpc).await;
    let parts =
        parts.map_err(|failure| failure.of_argument("from", from.place).of_argument("to", to.place))?;
    let first = parts.first().ok_or_else(without_moment)?;
    let moments = first.from.clone().zip(first.to.clone()).ok_or_else(without_moment)?;
    Ok((moments.0, moments.1, parts.into_iter().flat_map(|part| part.changes).collect()))
}

/// What is no moment is none for any server.
fn check(argument: Argument<'_>) -> Result<(), Failure> {
    past::Moment::parse(argument.text)
        .map(drop)
        .map_err(|no_answer| Failure::of_the_past(argument, no_answer))
}

/// With a project only what is its own.
fn parent(moor: &Invocation) -> Result<String, Failure> {
    match moor.home.project {
        Some(_) => Ok(moor.home.scope()?.to_string()),
        None => moor.home.regional_parent(),
    }
}

fn without_moment() -> Failure {
    Failure::bad_answer("the server did not say which moment it tells")
}
