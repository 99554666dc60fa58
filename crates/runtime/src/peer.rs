//! A client's side of a call from one service to another: a deadline on every call, reconnection, tries again where the
//! caller says that this is safe, and a circuit that opens when the peer is gone.
//!
//! Only what the transport failed to do is tried again here, and only a moment later: what the peer answered is the
//! caller's to judge, and the callers' own loops have their pauses.

mod url;

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::{task::JoinHandle, time::timeout};
use tonic::{
    Status,
    body::Body,
    transport::{Channel, Endpoint, Error},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::{Service, ServiceExt};

pub use self::url::{BadPeerUrl, PeerUrl};
use crate::{circuit::Circuit, readiness::Conditions, unavailable::unavailable};

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(2);
/// A connection on which nothing comes is asked for a sign so often, and is given up so long after.
const KEEPALIVE: Duration = Duration::from_secs(5);
/// The deadline of a call, all tries together, unless it has one of its own.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often a call is tried in all where that is safe, and the longest pause before the second.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(20);
/// How often the peer is asked whether it is there, and how long it may take to say so.
const PROBE_EVERY: Duration = Duration::from_secs(1);
const PROBE_DEADLINE: Duration = Duration::from_secs(2);

/// What every call says of its caller: services and gateways ask each other about any project.
const ROLE: &str = "mooring-role";
const OPERATOR: &str = "operator";

/// Put into a request's extensions: whatever became of the first try, a second changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Idempotent;

/// Put into a request's extensions: its deadline.
#[derive(Clone, Copy, Debug)]
pub struct Within(pub Duration);

/// The way to another service. Clones share its connection and its circuit. Connects when it is first used.
#[derive(Clone, Debug)]
pub struct Peer {
    name: Arc<str>,
    url: PeerUrl,
    channel: Channel,
    circuit: Arc<Circuit>,
}

impl Peer {
    /// The way to the service of that name.
    pub fn new(name: &str, url: PeerUrl) -> Result<Self, Error> {
        let endpoint = Endpoint::from_shared(url.to_string())?
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true);
        let channel = endpoint.connect_lazy();
        Ok(Self { name: name.into(), url, channel, circuit: Arc::default() })
    }

    /// Asks the peer again and again whether it is there, and has a condition say so. Being there is enough: that the
    /// peer is ready, too, is its own condition.
    pub fn watch(&self, conditions: &Conditions) -> JoinHandle<()> {
        let condition = conditions.add(format!("peer {} at {}", self.name, self.url), "not asked yet");
        let peer = self.clone();
        tokio::spawn(async move {
            let mut client = HealthClient::new(peer.clone());
            let mut ticks = tokio::time::interval(PROBE_EVERY);
            loop {
                ticks.tick().await;
                let mut request = tonic::Request::new(HealthCheckRequest::default());
                request.extensions_mut().insert(Within(PROBE_DEADLINE));
                // What it answers is its own affair; whether it does, the circuit knows.
                let _ = client.check(request).await;
                condition.set(peer.circuit.trouble());
            }
        })
    }

    /// One try, and what the circuit learns from it.
    async fn try_once(&self, request: Request<Body>) -> Result<Response<Body>, Missed> {
        let permit = self.circuit.admit().map_err(|open| Missed {
            said: format!(
                "{} at {} is away ({}); it is asked again in {} ms",
                self.name,
                self.url,
                open.cause,
                open.again_in.as_millis()
            ),
            again: false,
        })?;
        let answered = self.channel.clone().oneshot(request).await;
        match answered {
            Ok(response) => {
                permit.succeeded();
                Ok(response)
            }
            Err(error) => {
                let cause = innermost(&error);
                let said = format!("{} at {} can't be reached: {cause}", self.name, self.url);
                permit.failed(cause);
                Err(Missed { said, again: true })
            }
        }
    }

    async fn tries(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let gone = |missed: Missed| unavailable("PEER_UNAVAILABLE", missed.said);
        if request.extensions().get::<Idempotent>().is_none() {
            return self.try_once(request).await.map_err(gone);
        }
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            let request = Request::from_parts(parts.clone(), Body::new(Full::new(body.clone())));
            match self.try_once(request).await {
                Err(missed) if missed.again => tokio::time::sleep(pause.mul_f64(fastrand::f64())).await,
                other => return other.map_err(gone),
            }
            pause *= 4;
        }
        let request = Request::from_parts(parts, Body::new(Full::new(body)));
        self.try_once(request).await.map_err(gone)
    }

    async fn within(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let deadline = request.extensions().get::<Within>().map_or(DEADLINE, |within| within.0);
        let late = || {
            let said = format!("{} at {} did not answer within {deadline:?}", self.name, self.url);
            // A peer that takes calls and answers none is away, too.
            if let Ok(permit) = self.circuit.admit() {
                permit.failed(format!("no answer within {deadline:?}"));
            }
            Status::deadline_exceeded(said)
        };
        timeout(deadline, self.tries(request)).await.unwrap_or_else(|_| Err(late()))
    }
}

/// No answer.
struct Missed {
    said: String,
    /// It may be tried again at once.
    again: bool,
}

/// What really went wrong: tonic's own words are "transport error".
fn innermost(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        request.headers_mut().insert(ROLE, HeaderValue::from_static(OPERATOR));
        Box::pin(self.clone().within(request))
    }
}
