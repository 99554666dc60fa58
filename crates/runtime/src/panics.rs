//! What a panic ends. In a call: the call, whose caller is told that its outcome is unknown. Anywhere else: the process. A
//! task that acts by itself would be missing for good while everything else goes on and says that it is ready; the next
//! start takes up what was begun. sled's own panics, over damage, end nothing: whoever asked sled hears of them, and puts
//! its folder aside.

use std::{
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    pin::Pin,
    process,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use futures::FutureExt;
use http_body::{Frame, SizeHint};

tokio::task_local! {
    static CALL: ();
}

/// From now on a panic outside of calls ends this process at once.
pub(crate) fn end_the_process() {
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        tell(panicked);
        if CALL.try_with(|()| ()).is_err() && !is_sleds(panicked) {
            tracing::error!(
                "a panic outside of any call: the process ends; its next start goes on where this one was"
            );
            process::abort();
        }
    }));
}

/// By where it happened: also in threads that sled has of its own.
fn is_sleds(panicked: &PanicHookInfo<'_>) -> bool {
    panicked.location().is_some_and(|location| location.file().contains("/sled-"))
}

/// Answers a call; `None` when that panicked.
pub(crate) async fn within_call(answer: impl Future<Output = Response>) -> Option<Response> {
    let answer = AssertUnwindSafe(CALL.scope((), answer)).catch_unwind().await.ok()?;
    Some(answer.map(|body| Body::new(WithinCall(body))))
}

/// What is left of an answer, as it is sent.
struct WithinCall(Body);

impl HttpBody for WithinCall {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        CALL.sync_scope((), || Pin::new(&mut self.0).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
