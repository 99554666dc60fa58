//! A server that answers as a story tells it to, and remembers what it was asked.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex},
};

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use tonic::{
    Request, Response, Status,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::Grpc,
    transport::server::{Server as Transport, TcpIncoming},
};

/// What the server does with one call.
pub enum Answer {
    /// Answers with this message.
    Message(Vec<u8>),
    /// Answers with this status.
    Refusal(Status),
    /// Gives these messages, then breaks off.
    Broken(Vec<Vec<u8>>),
    /// Never answers.
    Never,
}

/// An answer with a message.
pub fn message(message: &impl Message) -> Answer {
    Answer::Message(message.encode_to_vec())
}

/// One call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub actor: String,
    message: Bytes,
}

impl Call {
    /// Its message.
    pub fn read<M: Message + Default>(&self) -> M {
        M::decode(self.message.clone()).unwrap()
    }
}

#[derive(Default)]
struct Story {
    answers: HashMap<&'static str, VecDeque<Answer>>,
    calls: Vec<Call>,
}

/// A running server. What no story tells is answered with an empty message.
#[derive(Clone)]
pub struct Server {
    story: Arc<Mutex<Story>>,
    pub url: String,
}

impl Server {
    /// Starts one on a free port of loopback; it ends with the test's runtime.
    pub async fn start() -> Self {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", incoming.local_addr().unwrap());
        let server = Self { story: Arc::default(), url };
        let this = server.clone();
        let service = tower::service_fn(move |request| this.clone().serve(request));
        tokio::spawn(
            async move { Transport::builder().serve_with_incoming(service, incoming).await.unwrap() },
        );
        server
    }

    /// The next call of this method gets this answer.
    pub fn answers(&self, method: &'static str, answer: Answer) -> &Self {
        self.story.lock().unwrap().answers.entry(method).or_default().push_back(answer);
        self
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.story.lock().unwrap().calls.clone()
    }

    /// The calls of one method.
    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.method == method).collect()
    }

    async fn serve(self, request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let mut grpc = Grpc::new(Raw);
        let streams =
            ["WatchCommits", "WatchEvents", "ReplayRegion", "DiffRegion", "StepRegion", "DiffKernel"]
                .contains(&method.as_str());
        let answer = move |request: Request<Bytes>| {
            let this = self.clone();
            let method = method.clone();
            async move { this.answer(method, request).await }
        };
        let response = if streams {
            let stream = tower::service_fn(move |request| {
                let items = answer(request);
                async move { Ok::<_, Status>(Response::new(tokio_stream::iter(items.await?))) }
            });
            grpc.server_streaming(stream, request).await
        } else {
            let unary = tower::service_fn(move |request| {
                let items = answer(request);
                async move { items.await?.swap_remove(0).map(Response::new) }
            });
            grpc.unary(unary, request).await
        };
        Ok(response)
    }

    async fn answer(
        self,
        method: String,
        request: Request<Bytes>,
    ) -> Result<Vec<Result<Bytes, Status>>, Status> {
        let actor = request.metadata().get("mooring-actor").unwrap().to_str().unwrap().to_owned();
        let answer = {
            let mut story = self.story.lock().unwrap();
            let answer = story.answers.get_mut(&*method).and_then(VecDeque::pop_front);
            story.calls.push(Call { method, actor, message: request.into_inner() });
            answer.unwrap_or(Answer::Message(Vec::new()))
        };
        match answer {
            Answer::Message(message) => Ok(vec![Ok(message.into())]),
            Answer::Refusal(status) => Err(status),
            Answer::Broken(messages) => {
                let broken = Err(Status::unavailable("the server is stopping"));
                Ok(messages.into_iter().map(|message| Ok(message.into())).chain([broken]).collect())
            }
            Answer::Never => pending().await,
        }
    }
}

/// Messages as the bytes that they are.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Every method of the API.
fn methods() -> impl Iterator<Item = String> {
    let pool = prost_reflect::DescriptorPool::decode(mooring_proto::DESCRIPTORS).unwrap();
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    methods.map(|method| method.name().to_owned()).collect::<Vec<_>>().into_iter()
}

/// What gateways and services say to each other is no business of people. (`moor status` lists elements only where gateways
/// differ: `tests/tests/two_gateways`.)
const NOT_FOR_PEOPLE: [&str; 12] = [
    "Announce",
    "Withdraw",
    "Hold",
    "Release",
    "ListHolds",
    "RegisterGateway",
    "ReportApplied",
    "ReportClaims",
    "ReportDrift",
    "ReportFailovers",
    "ReportHolders",
    "ListElements",
];

/// The methods of the API that people call.
pub fn for_people() -> BTreeSet<String> {
    methods().filter(|method| !NOT_FOR_PEOPLE.contains(&&**method)).collect()
}
