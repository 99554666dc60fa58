//! A connection that says whose calls it carries: a server answers nobody who doesn't.

use std::task::{Context, Poll};

use mooring_proto::access::{MEMBER, OPERATOR, PROJECT, ROLE};
use tonic::{
    body::Body,
    codegen::{Service, http},
    transport::{Channel as Connection, Endpoint, Error, channel::ResponseFuture},
};

/// Clones share the connection.
#[derive(Clone, Debug)]
pub struct Channel {
    connection: Connection,
    says: Vec<(&'static str, http::HeaderValue)>,
}

impl Channel {
    /// The operator's, who may do what a story needs.
    pub fn operator(connection: Connection) -> Self {
        Self { connection, says: vec![(ROLE, http::HeaderValue::from_static(OPERATOR))] }
    }

    /// The same connection with other words, or none.
    #[must_use]
    pub fn saying(&self, says: &[(&'static str, &'static str)]) -> Self {
        let says = says.iter().map(|(key, value)| (*key, http::HeaderValue::from_static(value)));
        Self { connection: self.connection.clone(), says: says.collect() }
    }

    /// The same connection, of a member of this project.
    #[must_use]
    pub fn member(&self, project: &'static str) -> Self {
        self.saying(&[(ROLE, MEMBER), (PROJECT, project)])
    }
}

/// Connects as the operator.
pub async fn connect(endpoint: Endpoint) -> Result<Channel, Error> {
    endpoint.connect().await.map(Channel::operator)
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Service::<http::Request<Body>>::poll_ready(&mut self.connection, context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        for (key, value) in &self.says {
            // What the request says itself counts.
            request.headers_mut().entry(*key).or_insert_with(|| value.clone());
        }
        self.connection.call(request)
    }
}
