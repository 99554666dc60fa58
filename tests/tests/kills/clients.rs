//! Clients that bind and unbind what is theirs, one thing after the other, each call with a request id. A call without
//! an answer is made again, with the same id, until it has one.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fastrand::Rng;
use futures::future::join_all;
use mooring_proto::{binding::v1::binding, resource::v1::eip};
use mooring_tests::load::moves::{self, BOUND, MOVING, UNTOUCHED};
use mooring_tests::{Client, lab};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};
use uuid::Uuid;

const CLIENTS: usize = 6;
/// Of each client.
const EIPS: usize = 4;
/// Between two calls by one client, at most. In milliseconds.
const THINKING: u64 = 60;
/// Before a call is made again.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a call may go unanswered, with a server that is killed again and again.
const PATIENT: Duration = Duration::from_secs(60);

/// What a client works with.
struct Own {
    eips: Vec<String>,
    havips: Vec<String>,
    /// Which HAVIP each EIP is bound to, as acknowledged.
    bound: Vec<Option<usize>>,
    /// Every request that was acknowledged.
    acknowledged: Vec<Uuid>,
}

/// The clients, before they begin.
pub struct Clients {
    own: Vec<Own>,
}

impl Clients {
    /// Creates everything; gives the EIP that nobody touches, bound.
    pub async fn create(client: Client) -> (Ipv4Addr, Clients) {
        client.pool(lab::EIP_POOL).await.unwrap();
        let vpc = client.vpc("blue").await.unwrap();
        let subnet = client.subnet(&vpc, "web", lab::SUBNET).await.unwrap();
        let a = client.vnic(&subnet, "vm-a", lab::MAC_A, &lab::VM_A.to_string()).await.unwrap();
        let b = client.vnic(&subnet, "vm-b", lab::MAC_B, &lab::VM_B.to_string()).await.unwrap();
        let havip = async |name: &str, address: Ipv4Addr| {
            client.havip(&subnet, name, &address.to_string(), &[&a, &b]).await.unwrap().name
        };
        let untouched = client.eip().await.unwrap();
        let stays = havip("stays", UNTOUCHED).await;
        client.bind(&untouched.name, &stays, Uuid::now_v7()).await.unwrap();
        for index in BOUND..MOVING {
            havip(&format!("moves-{index}"), moves::address(index)).await;
        }
        let mut own = Vec::new();
        for client_number in 0..CLIENTS {
            let mut its = Own {
                eips: Vec::new(),
                havips: Vec::new(),
                bound: vec![None; EIPS],
                acknowledged: Vec::new(),
            };
            for index in (0..BOUND).filter(|index| index % CLIENTS == client_number) {
                its.havips.push(havip(&format!("moves-{index}"), moves::address(index)).await);
            }
            for _ in 0..EIPS {
                its.eips.push(client.eip().await.unwrap().name);
            }
            own.push(its);
        }
        (untouched.address.parse().unwrap(), Clients { own })
    }

    pub fn start(self, address: &str, seed: u64) -> Running {
        let (at, address) = watch::channel(address.to_owned());
        let stop = watch::Sender::new(false);
        let (retries, checks) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let shared = Shared { address, stopped: stop.subscribe(), retries, checks };
        let its = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let work = self.own.into_iter().enumerate().map(|(number, own)| {
                let rng = Rng::with_seed(seed ^ (number as u64 + 1));
                Worker { own, rng, shared: its.clone(), connected: None }.run()
            });
            runtime.block_on(join_all(work))
        });
        Running { at, stop, shared, thread }
    }
}

/// The clients at work.
pub struct Running {
    at: watch::Sender<String>,
    stop: watch::Sender<bool>,
    shared: Shared,
    thread: JoinHandle<Vec<Own>>,
}

impl Running {
    pub fn server_is_at(&self, address: &str) {
        self.at.send_replace(address.to_owned());
    }

    /// Lets every client finish its call, and gives what they know.
    pub fn finish(self) -> Done {
        self.stop.send_replace(true);
        let own = self.thread.join().unwrap();
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Done { own, retries: count(&self.shared.retries), checks: count(&self.shared.checks) }
    }
}

#[derive(Clone)]
struct Shared {
    address: watch::Receiver<String>,
    stopped: watch::Receiver<bool>,
    retries: Arc<AtomicU64>,
    checks: Arc<AtomicU64>,
}

/// A call.
#[derive(Clone, Copy, Debug)]
enum Call {
    Bind { eip: usize, havip: usize },
    Unbind { eip: usize },
}

struct Worker {
    own: Own,
    rng: Rng,
    shared: Shared,
    connected: Option<Client>,
}

impl Worker {
    async fn run(mut self) -> Own {
        while !*self.shared.stopped.borrow() {
            let call = self.choose();
            self.make(call).await;
            sleep(Duration::from_millis(self.rng.u64(..THINKING))).await;
        }
        self.own
    }

    fn choose(&mut self) -> Call {
        let eip = self.rng.usize(..EIPS);
        if self.own.bound[eip].is_some() {
            return Call::Unbind { eip };
        }
        let free: Vec<_> =
            (0..self.own.havips.len()).filter(|havip| !self.own.bound.contains(&Some(*havip))).collect();
        Call::Bind { eip, havip: free[self.rng.usize(..free.len())] }
    }

    /// Until it is acknowledged.
    async fn make(&mut self, call: Call) {
        let (request, end) = (Uuid::now_v7(), Instant::now() + PATIENT);
        loop {
            match self.try_once(call, request).await {
                Ok(()) => break,
                Err(status) if may_be_tried_again(&status) => {
                    self.connected = None;
                    self.shared.retries.fetch_add(1, Ordering::Relaxed);
                    assert!(Instant::now() < end, "{call:?} {request}: no answer; last: {status:?}");
                }
                Err(status) => panic!("{call:?} {request}: {status:?}"),
            }
            sleep(PAUSE).await;
        }
        self.own.acknowledged.push(request);
        match call {
            Call::Bind { eip, havip } => self.own.bound[eip] = Some(havip),
            Call::Unbind { eip } => self.own.bound[eip] = None,
        }
    }

    async fn try_once(&mut self, call: Call, request: Uuid) -> Result<(), Status> {
        let client = match &self.connected {
            Some(client) => client.clone(),
            None => {
                let address = self.shared.address.borrow().clone();
                let connected = Client::connect(&address).await;
                let client = connected.map_err(|error| Status::unavailable(error.to_string()))?;
                // Somebody else's process has the port by now, or ours has been started anew.
                let (Call::Bind { eip: pending, .. } | Call::Unbind { eip: pending }) = call;
                self.own.check(&client, Some(pending)).await?;
                self.shared.checks.fetch_add(1, Ordering::Relaxed);
                self.connected.insert(client).clone()
            }
        };
        match call {
            Call::Bind { eip, havip } => {
                let (eip, havip) = (&self.own.eips[eip], &self.own.havips[havip]);
                let binding = client.bind(eip, havip, request).await?;
                assert_eq!((&binding.eip, &binding.havip), (eip, havip));
                assert_eq!(binding.state(), binding::State::InUse, "{binding:?}");
                Ok(())
            }
            Call::Unbind { eip } => client.unbind(&self.own.eips[eip], request).await,
        }
    }
}

impl Own {
    /// Sees that what was acknowledged is there, but for the EIP of a call that has no answer yet.
    async fn check(&self, client: &Client, pending: Option<usize>) -> Result<(), Status> {
        for (index, name) in self.eips.iter().enumerate().filter(|(index, _)| Some(*index) != pending) {
            let eip = client.get_eip(name).await?;
            let wanted = match self.bound[index] {
                Some(_) => eip::State::InUse,
                None => eip::State::Available,
            };
            assert_eq!(eip.state(), wanted, "{eip:?}, acknowledged: bound to {:?}", self.bound[index]);
        }
        Ok(())
    }
}

/// Whether a server that was killed, or has just been started, can have answered this.
fn may_be_tried_again(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown)
}

/// What the clients know in the end.
pub struct Done {
    own: Vec<Own>,
    retries: u64,
    checks: u64,
}

impl Done {
    /// Everything acknowledged is there, each request is in the log once, and nothing is unfinished.
    pub async fn check(&self, client: &Client) {
        for own in &self.own {
            own.check(client, None).await.unwrap();
        }
        let bindings = client.bindings().await.unwrap();
        let unfinished: Vec<_> =
            bindings.iter().filter(|binding| binding.state() != binding::State::InUse).collect();
        assert!(unfinished.is_empty(), "{unfinished:?}");
        let bound = self.own.iter().flat_map(|own| &own.bound).filter(|bound| bound.is_some()).count();
        assert_eq!(bindings.len(), bound + 1, "{bindings:?}");
        let mut logged: Vec<String> =
            client.commits().await.unwrap().into_iter().map(|commit| commit.request_id).collect();
        logged.retain(|id| !id.is_empty());
        logged.sort_unstable();
        let twice: Vec<_> = logged.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
        for id in self.own.iter().flat_map(|own| &own.acknowledged) {
            assert!(
                logged.binary_search(&id.to_string()).is_ok(),
                "{id} was acknowledged and is not in the log"
            );
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acknowledged: usize = self.own.iter().map(|own| own.acknowledged.len()).sum();
        let Done { retries, checks, .. } = self;
        write!(
            f,
            "{acknowledged} calls acknowledged, {retries} tried again, {checks} looks at all that was acknowledged"
        )
    }
}
