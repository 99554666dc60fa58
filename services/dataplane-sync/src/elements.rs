//! What one VPC's kernel has, element by element, for comparing gateways by name.

use std::pin::Pin;

use futures::{Stream, StreamExt, stream};
use mooring_domain::{
    Rejection, id,
    name::{Name, Scope},
    nat::Actual,
};
use mooring_ledger::Refused;
use mooring_proto::{convert::wire_element, dataplane::v1::ListElementsResponse, status::failure};
use tonic::{Code, Status};

use crate::grpc::View;

/// Elements in one answer.
const CHUNK: usize = 1000;

/// What goes out.
pub(crate) type Answers = Pin<Box<dyn Stream<Item = Result<ListElementsResponse, Status>> + Send>>;

/// Reads the kernel back. Nothing of a VPC that does not live here.
pub(crate) async fn list(view: &View, vpc: &Name<id::Vpc>) -> Result<Answers, Status> {
    let region = vpc.scope.region.clone();
    let desired = view.folded.borrow().desired.vpcs.get(&vpc.id).cloned();
    let owner = desired.map(|desired| Scope { project: desired.project, region });
    let missing = || Status::from(Refused::from(Rejection::not_found("parent", vpc)));
    if owner.as_ref() != Some(&vpc.scope) {
        return Err(missing());
    }
    let read = view.vpcs.content(vpc.id).await.ok_or_else(missing)?.transpose();
    let actual = read.map_err(|fault| {
        let message = format!("the kernel of {vpc} can't be read: {fault}");
        failure(Code::Unavailable, "KERNEL_UNREADABLE", message, true)
    })?;
    let elements: Vec<_> = actual.iter().flat_map(Actual::elements).collect();
    let chunks: Vec<_> = elements
        .chunks(CHUNK)
        .map(|chunk| ListElementsResponse { elements: chunk.iter().map(wire_element).collect() })
        .collect();
    Ok(stream::iter(chunks).map(Ok).boxed())
}
