//! A peer that comes, goes and falls silent, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use mooring_runtime::{
    peer::{Idempotent, Peer, Within},
    readiness::Conditions,
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};
use tonic::{Code, Request, Response, Status, transport::Server};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};
use tonic_types::StatusExt;

const PATIENCE: Duration = Duration::from_secs(20);

/// A service that says that it is not ready: it answers all the same.
struct Serving {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

async fn serve(address: SocketAddr) -> (Serving, SocketAddr) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    let task = tokio::spawn(async move {
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let stopped = async { drop(stopped.await) };
        Server::builder().add_service(health).serve_with_incoming_shutdown(incoming, stopped).await.unwrap();
    });
    (Serving { stop, task }, address)
}

impl Serving {
    async fn end(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

async fn ask(
    peer: &Peer,
    request: Request<HealthCheckRequest>,
) -> Result<Response<HealthCheckResponse>, Status> {
    HealthClient::new(peer.clone()).check(request).await
}

fn request() -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest::default())
}

#[tokio::test]
async fn a_peer_that_is_away_is_named_and_soon_not_even_asked() {
    let (serving, address) = serve(any()).await;
    serving.end().await;
    let peer = Peer::new("resource", address.into()).unwrap();
    let first = ask(&peer, request()).await.unwrap_err();
    assert_eq!(first.code(), Code::Unavailable);
    assert_eq!(first.get_details_error_info().unwrap().reason, "PEER_UNAVAILABLE");
    assert!(first.message().contains(&format!("resource at http://{address} can't be reached")), "{first}");
    let opened = Instant::now();
    let open = loop {
        let status = ask(&peer, request()).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        if status.message().contains("it is asked again in") {
            break status;
        }
        assert!(opened.elapsed() < PATIENCE, "last seen: {status}");
    };
    assert!(open.message().starts_with(&format!("resource at http://{address} is away (")), "{open}");
}

#[tokio::test]
async fn a_peer_that_comes_back_is_found_again_and_readiness_says_both() {
    let (serving, address) = serve(any()).await;
    let peer = Peer::new("resource", address.into()).unwrap();
    let conditions = Conditions::default();
    let watching = peer.watch(&conditions);
    timeout(PATIENCE, conditions.met()).await.unwrap();
    assert!(ask(&peer, request()).await.is_ok(), "it is not ready, but it is there");
    serving.end().await;
    timeout(PATIENCE, conditions.not_met()).await.unwrap();
    assert!(conditions.missing().starts_with(&format!("peer resource at http://{address}: ")));
    let (serving, _) = serve(address).await;
    timeout(PATIENCE, conditions.met()).await.unwrap();
    assert!(ask(&peer, request()).await.is_ok());
    watching.abort();
    serving.end().await;
}

/// The first connection is closed as soon as it is there, the ones after it are served.
#[tokio::test]
async fn a_connection_that_breaks_is_made_again_within_the_call_where_that_is_safe() {
    for safe in [true, false] {
        let (serving, behind) = serve(any()).await;
        let front = TcpListener::bind(any()).await.unwrap();
        let address = front.local_addr().unwrap();
        let proxy = tokio::spawn(async move {
            drop(front.accept().await.unwrap());
            loop {
                let (mut near, _) = front.accept().await.unwrap();
                let mut far = tokio::net::TcpStream::connect(behind).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await });
            }
        });
        let peer = Peer::new("resource", address.into()).unwrap();
        let mut request = request();
        if safe {
            request.extensions_mut().insert(Idempotent);
        }
        let answered = ask(&peer, request).await;
        assert_eq!(answered.is_ok(), safe, "{answered:?}");
        proxy.abort();
        drop(serving);
    }
}

#[tokio::test]
async fn a_peer_that_takes_calls_and_answers_none_is_away_too() {
    let silent = TcpListener::bind(any()).await.unwrap();
    let peer = Peer::new("binding", silent.local_addr().unwrap().into()).unwrap();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let mut request = request();
        request.extensions_mut().insert(Within(Duration::from_millis(100)));
        statuses.push(ask(&peer, request).await.unwrap_err());
    }
    assert_eq!(statuses[0].code(), Code::DeadlineExceeded);
    assert!(statuses[0].message().contains("did not answer within 100ms"), "{}", statuses[0]);
    assert!(statuses[3].message().contains("is away (no answer within 100ms)"), "{}", statuses[3]);
}
