//! One client: it asks for whatever it likes, of what all the others want too. A call with a request id is made again, with
//! the same one, until it has an answer; one without is given up when it has none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use fastrand::Rng;
use mooring_proto::binding::v1::binding_service_client::BindingServiceClient;
use mooring_proto::binding::v1::{BindRequest, Binding, MoveRequest, UnbindRequest, binding::State};
use mooring_proto::preview::POSITION;
use mooring_tests::channel::Channel;
use mooring_tests::load::{may_be_tried_again, reason};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tonic::{Response, Status, transport::Endpoint};
use uuid::Uuid;

use crate::given::{Prizes, id};

/// Between two calls by one client, at most. In milliseconds.
const THINKING: u64 = 150;
/// Before a call is made again, at most. In milliseconds.
const PAUSE: u64 = 60;
/// Longer than the server keeps anybody.
const ONE_TRY: Duration = Duration::from_secs(40);
/// How long a call may go unanswered, over all its tries.
const PATIENCE: Duration = Duration::from_secs(120);
/// What somebody who fights may be told.
const LOST: &[&str] = &[
    "EIP_TAKEN",
    "HAVIP_TAKEN",
    "EIP_IN_TRANSITION",
    "HAVIP_IN_TRANSITION",
    "EIP_NOT_BOUND",
    "UNBOUND_SINCE",
    "STALE_REVISION",
    // A kill came between the hold and the request that it was for, or the bind was let go.
    "HOLD_RELEASED",
];

/// What is asked for. EIPs and HAVIPs by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Bind {
        eip: usize,
        havip: usize,
    },
    /// 0: whatever the revision.
    Move {
        eip: usize,
        havip: usize,
        revision: u64,
    },
    Unbind {
        eip: usize,
        revision: u64,
    },
}

/// What the answer said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Bound { binding: Uuid, in_use: bool, revision: u64 },
    Unbound { position: u64 },
}

/// A call that was answered with success.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    pub call: Call,
    pub request: Option<Uuid>,
    pub answer: Answer,
    /// `mooring-position` of the answer.
    pub position: u64,
    /// The same request once more, afterwards: what it was answered. A refusal by its reason.
    pub again: Option<Result<Answer, String>>,
}

/// What one client was told.
#[derive(Default)]
pub struct Told {
    pub acknowledged: Vec<Acknowledged>,
    /// Refusals, and tries without an answer, by reason.
    pub refused: BTreeMap<String, u64>,
}

pub struct Client {
    pub rng: Rng,
    pub prizes: Arc<Prizes>,
    /// Of the binding that each EIP had last, as somebody was told.
    pub revisions: Arc<[AtomicU64]>,
    pub server: watch::Receiver<String>,
    pub stop: watch::Receiver<bool>,
    pub answered: Arc<AtomicU64>,
    pub connected: Option<BindingServiceClient<Channel>>,
    pub told: Told,
}

impl Client {
    pub async fn run(mut self) -> Result<Told> {
        while !*self.stop.borrow() {
            let call = self.choose();
            let request = (self.rng.u8(..8) > 0).then(Uuid::now_v7);
            if let Some(Ok((answer, position))) = self.make(call, request).await? {
                if let (Answer::Bound { revision, .. }, Call::Bind { eip, .. } | Call::Move { eip, .. }) =
                    (&answer, call)
                {
                    self.revisions[eip].store(*revision, Ordering::Relaxed);
                }
                let again = match request.filter(|_| self.rng.u8(..8) == 0) {
                    Some(request) => self.make(call, Some(request)).await?,
                    None => None,
                };
                let again = again.map(|again| again.map(|(answer, _)| answer));
                self.told.acknowledged.push(Acknowledged { call, request, answer, position, again });
            }
            sleep(Duration::from_millis(self.rng.u64(..THINKING))).await;
        }
        Ok(self.told)
    }

    fn choose(&mut self) -> Call {
        let eip = self.rng.usize(..self.prizes.eips.len());
        let havip = self.rng.usize(..self.prizes.havips.len());
        let seen = self.revisions[eip].load(Ordering::Relaxed);
        let revision = if self.rng.u8(..4) == 0 { seen } else { 0 };
        match self.rng.u8(..10) {
            0..4 => Call::Bind { eip, havip },
            4..7 => Call::Move { eip, havip, revision },
            _ => Call::Unbind { eip, revision },
        }
    }

    /// Until there is an answer: with its position, or the reason of a refusal. `None`: given up.
    async fn make(
        &mut self,
        call: Call,
        request: Option<Uuid>,
    ) -> Result<Option<Result<(Answer, u64), String>>> {
        let end = Instant::now() + PATIENCE;
        loop {
            let status = match self.one_try(call, request).await {
                Ok(told) => {
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    return Ok(Some(Ok(told)));
                }
                Err(status) => status,
            };
            let why = reason(&status);
            *self.told.refused.entry(why.clone()).or_default() += 1;
            if LOST.contains(&&*why) {
                self.answered.fetch_add(1, Ordering::Relaxed);
                return Ok(Some(Err(why)));
            }
            if !may_be_tried_again(&status) {
                bail!("{call:?} {request:?}: {status:?}");
            }
            self.connected = None;
            if request.is_none() {
                return Ok(None);
            }
            ensure!(Instant::now() < end, "{call:?} {request:?}: no answer; the last was {status:?}");
            sleep(Duration::from_millis(self.rng.u64(..PAUSE))).await;
        }
    }

    async fn one_try(&mut self, call: Call, request: Option<Uuid>) -> Result<(Answer, u64), Status> {
        let mut bindings = match &self.connected {
            Some(connected) => connected.clone(),
            None => {
                let address = format!("http://{}", *self.server.borrow());
                let endpoint = Endpoint::from_shared(address);
                let endpoint = endpoint.map_err(|error| Status::internal(error.to_string()))?;
                let channel = Channel::operator(endpoint.timeout(ONE_TRY).connect_lazy());
                self.connected.insert(BindingServiceClient::new(channel)).clone()
            }
        };
        let request_id = request.map(|id| id.to_string()).unwrap_or_default();
        let prizes = self.prizes.clone();
        let (eip, havip) =
            (|eip: usize| prizes.eips[eip].clone(), |havip: usize| prizes.havips[havip].clone());
        match call {
            Call::Bind { eip: of, havip: to } => {
                let (eip, havip) = (eip(of), havip(to));
                let request = BindRequest { eip, havip, request_id, ..Default::default() };
                bound(&prizes, bindings.bind(request).await?, of, to)
            }
            Call::Move { eip: of, havip: to, revision: expected_revision } => {
                let (eip, havip) = (eip(of), havip(to));
                let request = MoveRequest { eip, havip, request_id, expected_revision, ..Default::default() };
                bound(&prizes, bindings.r#move(request).await?, of, to)
            }
            Call::Unbind { eip: of, revision: expected_revision } => {
                let request =
                    UnbindRequest { eip: eip(of), request_id, expected_revision, ..Default::default() };
                let answer = bindings.unbind(request).await?;
                let at = position(&answer)?;
                Ok((Answer::Unbound { position: answer.into_inner().position }, at))
            }
        }
    }
}

fn bound(
    prizes: &Prizes,
    answer: Response<Binding>,
    eip: usize,
    havip: usize,
) -> Result<(Answer, u64), Status> {
    let at = position(&answer)?;
    let binding = answer.into_inner();
    let asked = (&binding.eip, &binding.havip) == (&prizes.eips[eip], &prizes.havips[havip]);
    // Somebody may be unbinding it already.
    if !asked || !matches!(binding.state(), State::InUse | State::Unassociating) {
        return Err(Status::internal(format!("{binding:?}")));
    }
    let in_use = binding.state() == State::InUse;
    Ok((Answer::Bound { binding: id(&binding.name), in_use, revision: binding.position }, at))
}

fn position<T>(answer: &Response<T>) -> Result<u64, Status> {
    let position = answer.metadata().get(POSITION).and_then(|position| position.to_str().ok()?.parse().ok());
    position.ok_or_else(|| Status::internal("a write whose answer has no position"))
}
