//! Why packets go where they go, from the log that this gateway follows.

mod gateways;
mod kernel;

use mooring_domain::{Rejection, rejection::Class};
use mooring_past::{Explained, Folded, Moment, Names, NoAnswer, commits_of, fold, trace};
use mooring_proto::{
    dataplane::v1::{
        ExplainRequest, ExplainResponse, TracePacketRequest, TracePacketResponse, VpcStatus,
        explain_service_server::ExplainService,
    },
    status::{Unserved, bad_field, from_rejection, from_unserved},
};
use mooring_runtime::peer::Peer;
use tonic::{Request, Response, Status};

use crate::grpc::{Dataplane, View, unserved};

/// Answers as the log has it.
#[derive(Clone)]
pub(crate) struct Explain {
    pub(crate) dataplane: Dataplane,
    /// Knows what the other gateways have reported.
    pub(crate) binding: Peer,
}

/// Where a moment is not in the log, or no moment.
fn untold(no_answer: &NoAnswer) -> Status {
    match no_answer {
        NoAnswer::NoMoment(_) => bad_field("at", no_answer),
        NoAnswer::Outside(what) => {
            let (class, reason, message) = (Class::NotFound, "OUTSIDE_THE_LOG", what.clone());
            from_rejection(&Rejection {
                class,
                reason,
                field: "at",
                message,
                in_the_way: None,
                details: Vec::new(),
            })
        }
        NoAnswer::Log(error) => unserved(error),
        NoAnswer::Unreadable(_) | NoAnswer::Damaged { .. } => {
            tracing::error!(error = %no_answer, "the past can't be told");
            from_unserved(Unserved::Damaged)
        }
    }
}

/// The region as it was; where no moment is asked for, as this gateway has it now.
async fn at(view: &View, moment: &str) -> Result<Folded, Status> {
    let asked = Moment::parse(if moment.is_empty() { "end" } else { moment });
    let asked = asked.map_err(|error| untold(&error))?;
    let mut folded = fold(&*view.log, asked).await.map_err(|error| untold(&error))?;
    for (vpc, progress) in view.vpcs.progress().iter().filter(|_| moment.is_empty()) {
        if let Some(desired) = folded.desired.vpcs.get_mut(vpc) {
            progress.over(desired);
        }
    }
    Ok(folded)
}

async fn complete<T: Names>(view: &View, mut answer: T) -> Result<T, Status> {
    let wanted = answer.wanted();
    let commits = commits_of(&*view.log, &wanted).await.map_err(|error| untold(&error))?;
    answer.complete(&commits);
    Ok(answer)
}

#[tonic::async_trait]
impl ExplainService for Explain {
    async fn trace_packet(
        &self,
        request: Request<TracePacketRequest>,
    ) -> Result<Response<TracePacketResponse>, Status> {
        let request = request.get_ref();
        let (_, view) = self.dataplane.view(&request.parent)?;
        let folded = at(view, &request.at).await?;
        let traced = trace(&folded, request).map_err(|rejection| from_rejection(&rejection))?;
        Ok(Response::new(complete(view, traced).await?))
    }

    async fn explain(&self, request: Request<ExplainRequest>) -> Result<Response<ExplainResponse>, Status> {
        let request = request.get_ref();
        let (region, view) = self.dataplane.view(&request.parent)?;
        let folded = at(view, &request.at).await?;
        let Explained { mut answer, vpc, havip } =
            mooring_past::explain(&folded, request).map_err(|rejection| from_rejection(&rejection))?;
        if let Some(vpc) = vpc.filter(|_| request.at.is_empty()) {
            let own = self.dataplane.gateway.as_str();
            let status = self.dataplane.status(&region, view, true).await?;
            let is_it = |of: &&VpcStatus| of.vpc.rsplit('/').next() == Some(&*vpc.to_string());
            if let Some(of) = status.vpcs.iter().find(is_it) {
                kernel::add(&mut answer, own, of, folded.desired.position.0);
                kernel::decided(&mut answer, own, of, havip);
            }
            let now = view.folded.borrow().clone();
            gateways::add(&mut answer, &self.binding, (&request.parent, own), (vpc, &now)).await;
        }
        Ok(Response::new(complete(view, answer).await?))
    }
}
