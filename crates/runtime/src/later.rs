//! Routes that come later: a process listens from its beginning, so that nobody who calls is left to wait, and answers
//! UNAVAILABLE until its log is open.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{StatusCode, header::CONTENT_TYPE};
use tonic::service::Routes;
use tower::ServiceExt;

use crate::{readiness::Conditions, shutdown::Shutdown, unavailable::unavailable};

/// The services' routes, once there are some. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Later {
    routes: Arc<OnceLock<Router>>,
    conditions: Conditions,
}

impl Later {
    pub(crate) fn new(conditions: Conditions) -> Self {
        Self { routes: Arc::default(), conditions }
    }

    /// From now on these are served.
    pub(crate) fn open(&self, routes: Routes) {
        // Only the process opens them, and once.
        let _ = self.routes.set(routes.prepare().into_axum_router());
    }

    /// Answers for them.
    pub(crate) async fn serve(self, request: Request) -> Response {
        match self.routes.get() {
            Some(routes) => routes.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
            None => refusal(&request, "NOT_READY", &format!("not ready yet: {}", self.conditions.missing())),
        }
    }
}

/// `GET /ready`, for whoever looks after the process.
pub(crate) async fn ready(State(conditions): State<Conditions>) -> (StatusCode, String) {
    let code = if conditions.are_met() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, conditions.text())
}

/// What has begun is answered while the process stops, but not for ever: after that the answer is that it stops.
pub(crate) async fn in_time(State(cut_off): State<Shutdown>, request: Request, next: Next) -> Response {
    let grpc = is_grpc(&request);
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = cut_off.stopped() => said(grpc, "STOPPING", "the server is stopping; try again with the same request_id"),
    }
}

fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn refusal(request: &Request, reason: &str, message: &str) -> Response {
    said(is_grpc(request), reason, message)
}

fn said(grpc: bool, reason: &str, message: &str) -> Response {
    if grpc {
        return unavailable(reason, message).into_http();
    }
    let mut response = Response::new(Body::from(format!("{message}\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response
}
