//! Where does the JetStream stream end? One question in flight serves all who asked before it was sent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Mutex;

use super::remote::{Remote, Seen};
use crate::{contract::LogError, record::Position};

/// The question, and its latest answer.
#[derive(Default)]
pub(super) struct Question {
    /// How many were sent.
    sent: AtomicU64,
    latest: Mutex<Latest>,
}

#[derive(Default)]
struct Latest {
    number: u64,
    answer: Option<Result<Arc<Ending>, LogError>>,
}

/// Where a JetStream stream ends.
pub(super) struct Ending {
    /// When it was created.
    pub created: Arc<str>,
    /// Its last sequence.
    pub last: Position,
}

impl Question {
    /// Asks, or shares the answer of a question that was sent after this was called.
    pub async fn ask(&self, remote: &Remote) -> Result<Arc<Ending>, LogError> {
        let before = self.sent.load(Ordering::SeqCst);
        let mut latest = self.latest.lock().await;
        if latest.number > before
            && let Some(answer) = &latest.answer
        {
            return answer.clone();
        }
        let number = self.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = remote.seen().await.map(|Seen { created, last, .. }| Arc::new(Ending { created, last }));
        *latest = Latest { number, answer: Some(answer.clone()) };
        answer
    }
}
