//! One client: it chooses a call, makes it until there is an answer, and thinks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use mooring_proto::binding::v1::binding::State;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;
use uuid::Uuid;

use super::answers::{self, Refused};
use super::{Cell, Manner};
use crate::client::{Client, Servers};
use crate::linearizable::{Answer, Call};

/// Before a call is made again, at most.
const PAUSE: Duration = Duration::from_millis(40);

/// What one client has done.
#[derive(Default)]
pub(super) struct Works {
    /// Requests that were acknowledged and must have written something.
    pub(super) acknowledged: Vec<Uuid>,
    /// Tries without an answer, by reason.
    pub(super) again: BTreeMap<String, u64>,
    /// Calls given up.
    pub(super) given_up: u64,
}

pub(super) struct Worker {
    number: usize,
    cell: Arc<Cell>,
    manner: Manner,
    rng: Rng,
    servers: watch::Receiver<Servers>,
    stop: watch::Receiver<bool>,
    client: Option<Client>,
    /// Which HAVIP each EIP is bound to, as acknowledged; the truth if it is alone.
    bound: Vec<Option<usize>>,
    works: Works,
}

impl Worker {
    pub(super) fn new(
        number: usize,
        cell: Arc<Cell>,
        manner: Manner,
        rng: Rng,
        servers: watch::Receiver<Servers>,
        stop: watch::Receiver<bool>,
    ) -> Worker {
        let bound = vec![None; cell.shape.eips];
        Worker { number, cell, manner, rng, servers, stop, client: None, bound, works: Works::default() }
    }

    pub(super) async fn run(mut self) -> Result<Works> {
        while !*self.stop.borrow() {
            let call = self.choose();
            self.make(call).await?;
            sleep(self.manner.thinking.mul_f64(self.rng.f64())).await;
        }
        Ok(self.works)
    }

    fn alone(&self) -> bool {
        self.cell.shape.clients == 1
    }

    fn choose(&mut self) -> Call {
        let (eip, havip) = (self.rng.usize(..self.cell.shape.eips), self.rng.usize(..self.cell.shape.havips));
        match self.rng.u8(..20) {
            0..3 => Call::Eip(eip),
            3 => Call::Havip(havip),
            4 => Call::Bindings,
            _ if self.alone() && self.bound[eip].is_some() => Call::Unbind { eip },
            _ if self.alone() => match self.free_havip() {
                Some(havip) => Call::Bind { eip, havip },
                None => Call::Eip(eip),
            },
            5..13 => Call::Bind { eip, havip },
            _ => Call::Unbind { eip },
        }
    }

    fn free_havip(&mut self) -> Option<usize> {
        let all = 0..self.cell.shape.havips;
        let free: Vec<_> = all.filter(|havip| !self.bound.contains(&Some(*havip))).collect();
        self.rng.choice(free)
    }

    /// Until there is an answer, or nobody waits for it any more.
    async fn make(&mut self, call: Call) -> Result<()> {
        let (request, end) = (Uuid::now_v7(), Instant::now() + self.manner.patience);
        let (gives_up, in_kernels) = (self.gives_up(call), self.alone() && self.rng.bool());
        let cell = self.cell.clone();
        let ticket = cell.history.begins(self.number, call);
        loop {
            let why = match self.one_try(call, request, in_kernels).await {
                Ok(answer) => {
                    cell.history.answered(ticket, answer.clone());
                    return self.is_told(call, answer, request);
                }
                Err(status) => match answers::refused(&status) {
                    Refused::Told(answer) => {
                        cell.history.answered(ticket, answer.clone());
                        return self.is_told(call, answer, request);
                    }
                    Refused::Again(why) => why,
                    Refused::Fault => bail!("{call:?} {request}: {status:?}"),
                },
            };
            ensure!(Instant::now() < end, "{call:?} {request}: no answer; the last was {why}");
            *self.works.again.entry(why).or_default() += 1;
            self.client = None;
            if gives_up {
                self.works.given_up += 1;
                return Ok(());
            }
            sleep(PAUSE.mul_f64(self.rng.f64())).await;
        }
    }

    /// The first of those who contend gives up now and then.
    fn gives_up(&mut self, call: Call) -> bool {
        let changes = matches!(call, Call::Bind { .. } | Call::Unbind { .. });
        let may = !self.alone() && self.number == 0 && self.works.given_up < self.manner.gives_up;
        changes && may && self.rng.u8(..4) == 0
    }

    fn is_told(&mut self, call: Call, answer: Answer, request: Uuid) -> Result<()> {
        if !self.alone() {
            return Ok(());
        }
        match (call, &answer) {
            (Call::Bind { eip, havip }, Answer::Done) => self.bound[eip] = Some(havip),
            (Call::Unbind { eip }, Answer::Done) => self.bound[eip] = None,
            (Call::Bind { .. } | Call::Unbind { .. }, _) => {
                bail!("{call:?} {request}: {answer:?}, although nobody else is here")
            }
            _ => return Ok(()),
        }
        self.works.acknowledged.push(request);
        Ok(())
    }

    async fn one_try(&mut self, call: Call, request: Uuid, in_kernels: bool) -> Result<Answer, Status> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => {
                let servers = self.servers.borrow().clone();
                let client = Client::of(&servers).map_err(|error| Status::unavailable(error.to_string()))?;
                self.client.insert(client).clone()
            }
        };
        let answer = timeout(self.manner.one_try, ask(&client, &self.cell, call, request, in_kernels)).await;
        answer.map_err(|_| Status::deadline_exceeded("this try has taken long enough"))?
    }
}

/// One try. `in_kernels`: a bind is answered when every gateway has it.
async fn ask(
    client: &Client,
    cell: &Cell,
    call: Call,
    request: Uuid,
    in_kernels: bool,
) -> Result<Answer, Status> {
    let answer = match call {
        Call::Bind { eip, havip } => {
            let (eip, havip) = (&cell.eips[eip], &cell.havips[havip]);
            let binding = match in_kernels {
                true => client.bind(eip, havip, request).await?,
                false => client.bind_stored(eip, havip, request).await?,
            };
            let right = (&binding.eip, &binding.havip) == (eip, havip)
                && matches!(binding.state(), State::InUse | State::Unassociating);
            right.then_some(Answer::Done).context(format!("{binding:?}"))
        }
        Call::Unbind { eip } => client.unbind(&cell.eips[eip], request).await.map(|()| Ok(Answer::Done))?,
        Call::Eip(eip) => {
            let eip = client.get_eip(&cell.eips[eip]).await?;
            answers::eip(eip.state()).context(format!("{eip:?}"))
        }
        Call::Havip(havip) => {
            let havip = client.get_havip(&cell.havips[havip]).await?;
            Ok(Answer::Havip { held: !havip.binding.is_empty() })
        }
        Call::Bindings => {
            let bindings = client.bindings().await?;
            answers::bindings(cell, &bindings).context(format!("{bindings:?}"))
        }
    };
    answer.map_err(|error| Status::internal(format!("{error:#}")))
}
