//! The past as the server tells it that follows the log.

use mooring_past as past;
use mooring_proto::dataplane::v1::{
    Change, DiffKernelRequest, DiffRegionRequest, Moment, ReplayRegionRequest, Step, StepRegionRequest,
    StepRegionResponse, Thing, VpcKernel, past_service_client::PastServiceClient,
};
use tonic::Streaming;

use crate::{
    client::{Client, LARGEST_ANSWER},
    failure::Failure,
    invocation::Invocation,
    resolve::Argument,
};

/// What there was, and at which commit.
pub async fn replay(moor: &Invocation, at: Argument<'_>) -> Result<(Moment, Vec<Thing>), Failure> {
    check(at)?;
    let message = ReplayRegionRequest { parent: parent(moor)?, at: at.text.to_owned() };
    let rpc = async |channel, request| {
        let client = PastServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
        { client }.replay_region(request).await
    };
    let parts = moor.dataplane.gather(message, rpc).await;
    let parts = parts.map_err(|failure| failure.of_argument_alone("at", at.place))?;
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
    let parts = parts
        .map_err(|failure| failure.of_argument_alone("from", from.place).of_argument_alone("to", to.place))?;
    let first = parts.first().ok_or_else(without_moment)?;
    let moments = first.from.clone().zip(first.to.clone()).ok_or_else(without_moment)?;
    Ok((moments.0, moments.1, parts.into_iter().flat_map(|part| part.changes).collect()))
}

/// What a gateway's kernels have otherwise than they should have had, VPC by VPC.
pub struct Kernels {
    /// `regions/{region}/gateways/{name}`.
    pub gateway: String,
    pub at: Moment,
    /// By id.
    pub vpcs: Vec<VpcKernel>,
}

impl Kernels {
    /// Has the gateway read its kernels back.
    pub async fn ask(moor: &Invocation, client: &Client, at: Argument<'_>) -> Result<Self, Failure> {
        check(at)?;
        let message = DiffKernelRequest { parent: parent(moor)?, at: at.text.to_owned() };
        let rpc = async |channel, request| {
            let client = PastServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
            { client }.diff_kernel(request).await
        };
        let parts = client.gather(message, rpc).await;
        let mut parts = parts.map_err(|failure| failure.of_argument_alone("at", at.place))?;
        let head = parts.first_mut().ok_or_else(without_moment)?;
        let (gateway, at) = (std::mem::take(&mut head.gateway), head.at.take().ok_or_else(without_moment)?);
        let mut vpcs: Vec<VpcKernel> = Vec::new();
        for part in parts.into_iter().filter_map(|part| part.vpc) {
            match vpcs.last_mut().filter(|last| last.vpc == part.vpc) {
                Some(last) => last.differences.extend(part.differences),
                None => vpcs.push(part),
            }
        }
        Ok(Self { gateway, at, vpcs })
    }
}

/// Commit by commit, as they are taken.
pub struct Steps<'a> {
    client: &'a Client,
    answers: Streaming<StepRegionResponse>,
    to: &'static str,
    /// Behind which commit it begins.
    pub from: Moment,
}

impl<'a> Steps<'a> {
    /// Begins.
    pub async fn ask(moor: &'a Invocation, from: Argument<'_>, to: Argument<'_>) -> Result<Self, Failure> {
        check(from)?;
        check(to)?;
        let message =
            StepRegionRequest { parent: parent(moor)?, from: from.text.to_owned(), to: to.text.to_owned() };
        let client = &moor.dataplane;
        let refused = |failure: Failure| {
            failure.of_argument_alone("from", from.place).of_argument_alone("to", to.place)
        };
        let asked = async {
            let service = PastServiceClient::new(client.channel()).max_decoding_message_size(LARGEST_ANSWER);
            let mut answers = { service }.step_region(client.endless(message)).await?.into_inner();
            let first = answers.message().await?;
            Ok((first, answers))
        };
        let (first, answers) = client.in_time(asked).await.map_err(refused)?;
        let from = first.and_then(|first| first.from).ok_or_else(without_moment)?;
        Ok(Self { client, answers, to: to.place, from })
    }

    /// The next of them; none after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Step>>, Failure> {
        let part = self.client.in_time(self.answers.message()).await;
        Ok(part.map_err(|failure| failure.of_argument_alone("to", self.to))?.map(|part| part.steps))
    }
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
