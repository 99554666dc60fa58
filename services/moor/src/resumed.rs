//! Streams that go on for ever: a server that is away is asked again for as long as a request may take.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use mooring_domain::{id::Kind, name::parse_scoped};
use tonic::{Code, Response, Status, Streaming, transport::Channel};

use crate::{client::Client, failure::Failure, invocation::Invocation};

/// Between two tries of a stream that broke.
const BACKOFF: Duration = Duration::from_millis(200);

/// Since when the server has not been there.
pub struct Resumed(Option<Instant>);

impl Resumed {
    /// It is there.
    pub fn new() -> Self {
        Self(None)
    }

    /// It took the question, or something came.
    pub fn heard(&mut self) {
        self.0 = None;
    }

    /// Waits until the stream may be asked for again, or says why there is no use in that.
    pub async fn again(&mut self, client: &Client, status: &Status) -> Result<(), Failure> {
        let passes = matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled);
        if !passes || self.0.get_or_insert_with(Instant::now).elapsed() > client.patience() {
            return Err(client.failure(status));
        }
        tokio::time::sleep(BACKOFF).await;
        Ok(())
    }
}

/// Where the thing is that is watched alone; else the project.
pub fn parent<K: Kind>(moor: &Invocation, name: &str) -> Result<String, Failure> {
    if name.is_empty() {
        return Ok(moor.home.scope()?.to_string());
    }
    let scoped = parse_scoped::<K>(name);
    scoped.map(|(scope, _)| scope.to_string()).map_err(|error| Failure::bad_answer(error.to_string()))
}

/// How many answers are still to be printed; none: all that come.
pub struct Left(pub Option<u64>);

impl Left {
    /// After each answer that was printed.
    pub fn one_less(&mut self) -> ControlFlow<()> {
        self.0 = self.0.map(|left| left.saturating_sub(1));
        if self.0 == Some(0) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Asks again and again for a stream that goes on for ever, and tells each answer, until that breaks off. What is told may
/// change what is asked for next.
pub async fn follow<R: Clone, A>(
    client: &Client,
    mut request: R,
    ask: impl AsyncFn(Channel, tonic::Request<R>) -> Result<Response<Streaming<A>>, Status>,
    mut tell: impl AsyncFnMut(&mut R, A) -> Result<ControlFlow<()>, Failure>,
) -> Result<(), Failure> {
    let mut resumed = Resumed::new();
    loop {
        let status = match ask(client.channel(), client.endless(request.clone())).await {
            Ok(answers) => {
                resumed.heard();
                let mut answers = answers.into_inner();
                loop {
                    match answers.message().await {
                        Ok(Some(answer)) => {
                            if tell(&mut request, answer).await?.is_break() {
                                return Ok(());
                            }
                        }
                        Ok(None) => break Status::unavailable("the server ended the stream"),
                        Err(status) => break status,
                    }
                }
            }
            Err(status) => status,
        };
        resumed.again(client, &status).await?;
    }
}
