//! The past API: a region folded up to a moment, and told in parts. Each question folds the log by itself, away from the
//! threads that serve, and few at a time.

mod kernel;
mod steps;

use std::{ops::ControlFlow, pin::Pin, sync::Arc};

use futures::{Stream, StreamExt, stream};
use mooring_domain::{
    Rejection,
    name::{ProjectId, RegionId, Scope, parse_region},
    rejection::Class,
};
use mooring_event_log::EventLog;
use mooring_past::{Folded, Moment, NoAnswer, changes, fold};
use mooring_proto::{
    dataplane::v1::{
        DiffKernelRequest, DiffKernelResponse, DiffRegionRequest, DiffRegionResponse, ReplayRegionRequest,
        ReplayRegionResponse, StepRegionRequest, StepRegionResponse, past_service_server::PastService,
    },
    status::{Unserved, bad_field, bad_name, from_rejection, from_unserved},
};
use prost::Message;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
};
use tonic::{Request, Response, Status};

use crate::grpc::{Dataplane, unserved};

/// An answer ends with the thing that brings it here, in bytes.
const PART: usize = 256 * 1024;
/// Answers that wait for a client to take them.
const WAITING: usize = 2;
/// Questions that are answered at once: each has a region in memory.
pub(crate) const AT_ONCE: usize = 2;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[derive(Clone)]
pub(crate) struct Past {
    pub(crate) dataplane: Dataplane,
    pub(crate) running: Arc<Semaphore>,
}

/// Whose past is asked for.
struct Asked {
    region: RegionId,
    log: Arc<dyn EventLog>,
    project: Option<ProjectId>,
}

/// Where answers go. An error: nobody waits for them any more.
type To<T> = mpsc::Sender<Result<T, Status>>;

impl Past {
    fn asked(&self, parent: &str) -> Result<Asked, Status> {
        let scope = parent.parse::<Scope>();
        let region: RegionId = match &scope {
            Ok(scope) => scope.region.clone(),
            Err(_) => parse_region(parent).map_err(bad_name("parent"))?,
        };
        let (region, view) = self.dataplane.view(&format!("regions/{region}"))?;
        Ok(Asked { region, log: view.log.clone(), project: scope.ok().map(|scope| scope.project) })
    }

    /// Tells it on a thread of its own, as fast as it is taken.
    async fn tell<T: Send + 'static>(
        &self,
        tell: impl FnOnce(&To<T>) -> Result<(), Status> + Send + 'static,
    ) -> Result<Response<Answers<T>>, Status> {
        let closed = |_| from_unserved(Unserved::Closed);
        let permit = self.running.clone().acquire_owned().await.map_err(closed)?;
        let (to, answers) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            if let Err(status) = tell(&to) {
                // Whoever asked may have gone away.
                let _ = to.blocking_send(Err(status));
            }
            drop(permit);
        });
        let taken = stream::unfold(Some((answers, self.dataplane.shutdown.clone())), async |state| {
            let (mut answers, shutdown) = state?;
            tokio::select! {
                answer = answers.recv() => answer.map(|answer| (answer, Some((answers, shutdown)))),
                // A part must not look like the whole.
                () = shutdown.clone().stopped() => Some((Err(from_unserved(Unserved::Closed)), None)),
            }
        });
        Ok(Response::new(taken.boxed()))
    }
}

/// The region as it was at the moment that `field` says.
fn folded(asked: &Asked, handle: &Handle, field: &'static str, moment: Moment) -> Result<Folded, Status> {
    handle.block_on(fold(&*asked.log, moment)).map_err(|no_answer| refused(field, no_answer))
}

fn moment(field: &'static str, text: &str) -> Result<Moment, Status> {
    let text = if text.is_empty() { "end" } else { text };
    Moment::parse(text).map_err(|no_answer| refused(field, no_answer))
}

fn refused(field: &'static str, no_answer: NoAnswer) -> Status {
    match no_answer {
        NoAnswer::NoMoment(_) => bad_field(field, no_answer),
        NoAnswer::Outside(message) => {
            let (class, reason) = (Class::NotFound, "OUTSIDE_THE_LOG");
            from_rejection(&Rejection {
                class,
                reason,
                field,
                message,
                in_the_way: None,
                details: Vec::new(),
            })
        }
        NoAnswer::Log(error) => unserved(&error),
        NoAnswer::Unreadable(_) | NoAnswer::Damaged { .. } => {
            tracing::error!(error = %no_answer, "the past can't be told");
            from_unserved(Unserved::Damaged)
        }
    }
}

/// Sends all of these in parts; ends when nobody takes them any more.
fn in_parts<M: Message, T>(to: &To<T>, all: impl Iterator<Item = M>, answer: impl Fn(Vec<M>) -> T) {
    let mut parts = Parts::new(to, answer);
    for one in all {
        if parts.push(one).is_break() {
            return;
        }
    }
    parts.end();
}

/// What goes out in parts.
struct Parts<'a, M, T, A> {
    to: &'a To<T>,
    answer: A,
    part: Vec<M>,
    bytes: usize,
}

impl<'a, M: Message, T, A: Fn(Vec<M>) -> T> Parts<'a, M, T, A> {
    fn new(to: &'a To<T>, answer: A) -> Self {
        Self { to, answer, part: Vec::new(), bytes: 0 }
    }

    /// Breaks when nobody takes them any more.
    fn push(&mut self, one: M) -> ControlFlow<()> {
        self.bytes += one.encoded_len();
        self.part.push(one);
        if self.bytes < PART {
            return ControlFlow::Continue(());
        }
        self.bytes = 0;
        let part = std::mem::take(&mut self.part);
        match self.to.blocking_send(Ok((self.answer)(part))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// The last part.
    fn end(self) {
        if !self.part.is_empty() {
            // Whoever asked may have gone away.
            let _ = self.to.blocking_send(Ok((self.answer)(self.part)));
        }
    }
}

/// One answer. An error when nobody takes it.
fn send<T>(to: &To<T>, answer: T) -> Result<(), Status> {
    to.blocking_send(Ok(answer)).map_err(|_| Status::cancelled("nobody waits for the answer"))
}

#[tonic::async_trait]
impl PastService for Past {
    type ReplayRegionStream = Answers<ReplayRegionResponse>;
    type DiffRegionStream = Answers<DiffRegionResponse>;
    type StepRegionStream = Answers<StepRegionResponse>;
    type DiffKernelStream = Answers<DiffKernelResponse>;

    async fn replay_region(
        &self,
        request: Request<ReplayRegionRequest>,
    ) -> Result<Response<Self::ReplayRegionStream>, Status> {
        let ReplayRegionRequest { parent, at } = request.into_inner();
        let (asked, at, handle) = (self.asked(&parent)?, moment("at", &at)?, Handle::current());
        self.tell(move |to| {
            let folded = folded(&asked, &handle, "at", at)?;
            send(to, ReplayRegionResponse { moment: Some(folded.moment()), things: Vec::new() })?;
            let answer = |things| ReplayRegionResponse { moment: None, things };
            in_parts(to, folded.things(asked.project.as_ref()), answer);
            Ok(())
        })
        .await
    }

    async fn diff_region(
        &self,
        request: Request<DiffRegionRequest>,
    ) -> Result<Response<Self::DiffRegionStream>, Status> {
        let DiffRegionRequest { parent, from, to } = request.into_inner();
        let (asked, handle) = (self.asked(&parent)?, Handle::current());
        let (from, until) = (moment("from", &from)?, moment("to", &to)?);
        self.tell(move |to| {
            let before = folded(&asked, &handle, "from", from)?;
            let after = folded(&asked, &handle, "to", until)?;
            let moments = (Some(before.moment()), Some(after.moment()));
            send(to, DiffRegionResponse { from: moments.0, to: moments.1, changes: Vec::new() })?;
            let answer = |changes| DiffRegionResponse { from: None, to: None, changes };
            in_parts(to, changes(&before, &after, asked.project.as_ref()), answer);
            Ok(())
        })
        .await
    }

    async fn step_region(
        &self,
        request: Request<StepRegionRequest>,
    ) -> Result<Response<Self::StepRegionStream>, Status> {
        let StepRegionRequest { parent, from, to } = request.into_inner();
        let (asked, handle) = (self.asked(&parent)?, Handle::current());
        let from = if from.is_empty() { "0" } else { &from };
        let (from, until) = (moment("from", from)?, moment("to", &to)?);
        self.tell(move |to| steps::tell(&asked, &handle, (from, until), to)).await
    }

    async fn diff_kernel(
        &self,
        request: Request<DiffKernelRequest>,
    ) -> Result<Response<Self::DiffKernelStream>, Status> {
        let DiffKernelRequest { parent, at } = request.into_inner();
        let (asked, at, handle) = (self.asked(&parent)?, moment("at", &at)?, Handle::current());
        let dataplane = self.dataplane.clone();
        self.tell(move |to| kernel::tell(&asked, &handle, &dataplane, at, to)).await
    }
}
