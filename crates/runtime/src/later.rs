//! Routes that come later and go sooner: a process listens from its beginning to its end, so that nobody who calls is left
//! to wait or finds a broken connection. It answers UNAVAILABLE until its log is open, and once it is told to stop.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{StatusCode, header::CONTENT_TYPE};
use tokio::sync::watch;
use tonic::service::Routes;
use tower::ServiceExt;

use crate::{
    panics::within_call, plant, process::Admit, readiness::Conditions, shutdown::Shutdown,
    unavailable::unavailable,
};

const PANICKED: &str =
    "the server failed over this call; try again with the same request_id, and report it if that fails, too";
const STOPPING: &str = "the server is stopping; try again with the same request_id";

/// The services' routes, once there are some, and the calls to them. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Later {
    routes: Arc<OnceLock<Router>>,
    /// Calls without an answer.
    calls: watch::Sender<usize>,
    conditions: Conditions,
    admit: Admit,
    /// New calls are refused.
    stop: Shutdown,
    /// Those that have begun, too.
    cut_off: Shutdown,
}

/// A call until it is answered, or its caller is gone.
struct Call(watch::Sender<usize>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}

impl Later {
    pub(crate) fn new(conditions: Conditions, admit: Admit, stop: Shutdown, cut_off: Shutdown) -> Self {
        Self { routes: Arc::default(), calls: watch::Sender::new(0), conditions, admit, stop, cut_off }
    }

    /// From now on these are served.
    pub(crate) fn open(&self, routes: Routes) {
        // Only the process opens them, and once.
        let _ = self.routes.set(routes.prepare().into_axum_router());
    }

    /// Resolves when every call is answered.
    pub(crate) async fn answered(&self) {
        // We hold a sender ourselves.
        let _ = self.calls.subscribe().wait_for(|calls| *calls == 0).await;
    }

    /// Answers for them.
    pub(crate) async fn serve(self, request: Request) -> Response {
        let grpc = is_grpc(&request);
        let Some(routes) = self.routes.get().cloned() else {
            return refusal(grpc, "NOT_READY", &format!("not ready yet: {}", self.conditions.missing()));
        };
        self.calls.send_modify(|calls| *calls += 1);
        let _call = Call(self.calls.clone());
        if self.stop.is_stopped() {
            return refusal(grpc, "STOPPING", STOPPING);
        }
        let (mut parts, body) = request.into_parts();
        if let Err(refused) = (self.admit)(&mut parts) {
            return refused.into_http();
        }
        let request = Request::from_parts(parts, body);
        let answer = async {
            plant::panics(request.uri().path());
            routes.oneshot(request).await.unwrap_or_else(|never| match never {})
        };
        tokio::select! {
            biased;
            answered = within_call(answer) => answered.unwrap_or_else(|| refusal(grpc, "OUTCOME_UNKNOWN", PANICKED)),
            () = self.cut_off.stopped() => refusal(grpc, "STOPPING", STOPPING),
        }
    }
}

/// `GET /ready`, for whoever looks after the process.
pub(crate) async fn ready(State(conditions): State<Conditions>) -> (StatusCode, String) {
    let code = if conditions.are_met() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, conditions.text())
}

fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn refusal(grpc: bool, reason: &str, message: &str) -> Response {
    if grpc {
        return unavailable(reason, message).into_http();
    }
    let mut response = Response::new(Body::from(format!("{message}\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
