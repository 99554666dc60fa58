//! A stream of the API that goes on for ever.

use std::time::Duration;

use tonic::{Response, Status, Streaming};

use crate::given::ok;

/// What must come comes in this time, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(30);

pub struct Watched<A>(Streaming<A>);

impl<A> Watched<A> {
    pub fn begin(answer: Result<Response<Streaming<A>>, Status>) -> Self {
        Self(ok(answer))
    }

    pub async fn next(&mut self) -> A {
        let next = tokio::time::timeout(PATIENT, self.0.message()).await;
        next.expect("nothing comes").unwrap().expect("the stream ended")
    }
}
