//! Who asks, out of a gRPC request.

use std::sync::Arc;

use mooring_domain::{
    Position, Rejection, RequestId,
    id::Kind,
    name::{Name, Scope, parse_scoped},
};
use mooring_proto::{
    access::Identity,
    preview::MIN_POSITION,
    status::{bad_name, from_rejection},
    write::Write,
};
use tonic::{Request, Status, metadata::MetadataMap};
use uuid::Uuid;

use crate::requests::{Asked, Scope as RequestScope};

/// The metadata key under which a caller says who it is.
pub const ACTOR: &str = "mooring-actor";
/// The metadata key of the W3C trace context.
const TRACE_PARENT: &str = "traceparent";
const LONGEST: usize = 128;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// As they said.
    pub actor: Arc<str>,
    /// Their request, if they gave it an id.
    pub(crate) request: Option<Asked>,
    /// The W3C trace context that it came with, or empty.
    pub(crate) trace_parent: Arc<str>,
    /// Whether they gave it an id that is none.
    bad_id: bool,
    /// Whether it wants to hear what would be, and nothing to be.
    pub(crate) validate_only: bool,
    /// What it wants a read to be true at, at least; as it said it.
    min_position: Option<Arc<str>>,
    /// Whose call it is. None: nothing is there for it.
    identity: Option<Identity>,
}

impl Caller {
    /// A caller whose request has no id.
    pub fn new(actor: impl Into<Arc<str>>) -> Self {
        Self {
            actor: actor.into(),
            request: None,
            bad_id: false,
            trace_parent: "".into(),
            validate_only: false,
            min_position: None,
            identity: None,
        }
    }

    /// The caller of a request without an id, by its metadata.
    pub fn of(metadata: &MetadataMap) -> Self {
        let actor = metadata.get(ACTOR).and_then(|value| value.to_str().ok()).unwrap_or("anonymous");
        let trace_parent =
            metadata.get(TRACE_PARENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let caller = Self::new(actor.chars().take(LONGEST).collect::<String>());
        Self { trace_parent: trace_parent.chars().take(LONGEST).collect::<String>().into(), ..caller }
    }

    /// Takes a request that only reads apart: its caller and the rest.
    pub fn read<M>(request: Request<M>) -> (Self, M) {
        let (metadata, extensions, message) = request.into_parts();
        let min_position = metadata.get(MIN_POSITION).map(|said| said.to_str().unwrap_or("?").into());
        (Self { identity: extensions.get().cloned(), min_position, ..Self::of(&metadata) }, message)
    }

    /// The same, whose reads must have at least this.
    #[must_use]
    pub fn having_seen(self, position: Position) -> Self {
        Self { min_position: Some(position.to_string().into()), ..self }
    }

    /// What its reads must have at least.
    pub(crate) fn seen(&self) -> Result<Position, Rejection> {
        let Some(said) = &self.min_position else { return Ok(Position::default()) };
        let number = said.parse().map(Position);
        number.map_err(|_| Rejection::invalid(MIN_POSITION, format!("must be a position, is {said:?}")))
    }

    /// Whether it may know of the whole region.
    pub fn is_operator(&self) -> bool {
        self.identity == Some(Identity::Operator)
    }

    /// The project and region that a field of the request names. What another project may have is not there, whether it is or
    /// not: nothing is looked up for it.
    pub fn scope(&self, field: &'static str, parent: &str) -> Result<Scope, Status> {
        let scope = parent.parse().map_err(bad_name(field))?;
        self.check(&scope, field, parent).map(|()| scope)
    }

    /// The scope and the last part of the name of a thing, which may be its id or its display name.
    pub fn scoped<'a, K: Kind>(
        &self,
        field: &'static str,
        name: &'a str,
    ) -> Result<(Scope, &'a str), Status> {
        let (scope, last) = parse_scoped::<K>(name).map_err(bad_name(field))?;
        self.check(&scope, field, name).map(|()| (scope, last))
    }

    /// The name of a thing, by its id.
    pub fn name<K: Kind>(&self, field: &'static str, name: &str) -> Result<Name<K>, Status> {
        let parsed: Name<K> = name.parse().map_err(bad_name(field))?;
        self.check(&parsed.scope, field, name).map(|()| parsed)
    }

    fn check(&self, scope: &Scope, field: &'static str, name: &str) -> Result<(), Status> {
        match &self.identity {
            Some(identity) if identity.sees(scope) => Ok(()),
            _ => Err(from_rejection(&Rejection::not_found(field, name))),
        }
    }

    /// Takes a request that writes apart: its caller and the rest.
    pub fn open<M: Write>(request: Request<M>) -> (Self, M) {
        let (metadata, extensions, mut message) = request.into_parts();
        let id = std::mem::take(message.request_id());
        // Not part of the content: the answer is that of the same request when it is meant.
        let validate_only = std::mem::take(message.validate_only());
        let identity = extensions.get().cloned();
        let caller = Self { validate_only, identity, ..Self::of(&metadata) };
        if id.is_empty() {
            return (caller, message);
        }
        let Ok(id) = Uuid::parse_str(&id) else { return (Self { bad_id: true, ..caller }, message) };
        let content = [M::METHOD.as_bytes(), &message.encode_to_vec()].concat();
        (caller.with_request(RequestId(id), &content), message)
    }

    /// Whether the id of its request is one, or none was given. Nothing is stored for a caller whose is neither.
    pub fn request_id(&self) -> Result<(), Status> {
        self.check_id().map_err(|wrong| from_rejection(&wrong))
    }

    pub(crate) fn check_id(&self) -> Result<(), Rejection> {
        if self.bad_id { Err(Rejection::invalid("request_id", "must be a UUID, or empty")) } else { Ok(()) }
    }

    /// The same, who wants to hear what would be, and nothing to be, if that is so.
    #[must_use]
    pub fn validating(self, validate_only: bool) -> Self {
        Self { validate_only, ..self }
    }

    /// Whether nothing is to be stored for it.
    pub fn validates_only(&self) -> bool {
        self.validate_only
    }

    /// The same, with an id for the request, which counts among those of whoever calls. `content` is the request as sent, without its id.
    #[must_use]
    pub fn with_request(mut self, id: RequestId, content: &[u8]) -> Self {
        self.request = Some(Asked::new(id, RequestScope::of(self.identity.as_ref()), content));
        self
    }
}
