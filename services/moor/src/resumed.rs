//! Streams that go on for ever: a server that is away is asked again for as long as a request may take.

use std::time::{Duration, Instant};

use tonic::{Code, Status};

use crate::{client::Client, failure::Failure};

/// Between two tries of a stream that broke.
const BACKOFF: Duration = Duration::from_millis(200);

/// When something was heard last.
pub struct Resumed(Instant);

impl Resumed {
    /// Now.
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// Something came.
    pub fn heard(&mut self) {
        self.0 = Instant::now();
    }

    /// Waits until the stream may be asked for again, or says why there is no use in that.
    pub async fn again(&self, client: &Client, status: &Status) -> Result<(), Failure> {
        let passes = matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled);
        if !passes || self.0.elapsed() > client.patience() {
            return Err(client.failure(status));
        }
        tokio::time::sleep(BACKOFF).await;
        Ok(())
    }
}
