//! The limit of whatever is called over gRPC: a server that gives back what it got, by the same library, in a process of
//! its own beside the same clients.

use std::future::{Ready, ready};
use std::io::Write;
use std::net::Ipv4Addr;
use std::task::{Context, Poll};

use anyhow::{Result, anyhow};
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status,
    body::Body,
    client::Grpc,
    codegen::{Service, http},
    server::{self, NamedService, UnaryService},
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;

use super::calls::{self, Amount, Calls};
use super::machine::Processes;
use super::program::Program;
use super::rush;
use crate::channel::{Channel, connect};
use crate::server::own_folder;

/// What it is called beside another's figures.
pub const NAME: &str = "a bare echo";
/// How the driver is told to be the server.
pub const WORD: &str = "echo";
const METHOD: &str = "/mooring.bench.v1.Echo/Echo";
/// About what a command and its answer have.
const BYTES: usize = 200;

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "mooring.bench.v1.Echo";
}

impl UnaryService<Payload> for Echo {
    type Response = Payload;
    type Future = Ready<Result<Response<Payload>, Status>>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let mut grpc = server::Grpc::new(ProstCodec::<Payload, Payload>::default());
        Box::pin(async move { Ok(grpc.unary(Echo, request).await) })
    }
}

/// Serves until it is killed.
pub fn serve() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        writeln!(std::io::stdout(), "ready {}", listener.local_addr()?)?;
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        Ok(Server::builder().add_service(Echo).serve_with_incoming(incoming).await?)
    })
}

/// Measures it with each of these amounts.
pub async fn measure(amounts: &[Amount]) -> Result<Vec<Calls>> {
    let folder = own_folder()?;
    let server = Program::start("bench", folder.path(), &[WORD])?;
    let processes = Processes::default().and(NAME, server.pid()).and("the clients", std::process::id());
    let mut all = Vec::new();
    for amount in amounts {
        let mut connections = Vec::new();
        for _ in 0..rush::connections(amount.at_once) {
            connections.push(connect(Endpoint::from_shared(format!("http://{}", server.address))?).await?);
        }
        all.push(calls::measure(&connections, *amount, &processes, |channel, _| one(channel)).await?);
    }
    Ok(all)
}

async fn one(channel: Channel) -> Result<()> {
    let given: Payload = unary(channel, METHOD, Payload { data: vec![7; BYTES] }).await?;
    if given.data.len() == BYTES { Ok(()) } else { Err(anyhow!("an echo of {} bytes", given.data.len())) }
}

/// One call of a method that this workspace has no generated client for.
pub async fn unary<A, B>(channel: Channel, method: &'static str, request: A) -> Result<B>
where
    A: prost::Message + 'static,
    B: prost::Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    let path = http::uri::PathAndQuery::from_static(method);
    Ok(grpc.unary(Request::new(request), path, ProstCodec::<A, B>::default()).await?.into_inner())
}
