//! A process's life, the same for all of them: it listens, takes its data folder, opens what it serves, is ready while its
//! conditions are met, and at a signal finishes what it has begun.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::Path,
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use futures::future::BoxFuture;
use http::request::Parts;
use nix::sys::prctl;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tonic::{Status, service::Routes};

use crate::{
    data,
    later::Later,
    listen, panics,
    readiness::Conditions,
    server,
    shutdown::{self, Shutdown, Stopper},
};

/// How long calls that have begun may take when the process stops, and after them each step of its end.
pub const GRACE: Duration = Duration::from_secs(5);
/// What cut off calls may take to be answered.
const ANSWERS: Duration = Duration::from_secs(1);
/// So long a process that stops says so to whoever calls, before it closes connections: who was answered just now and
/// asks the next thing gets an answer, too.
const LAST_WORD: Duration = Duration::from_millis(250);

/// Looks at a call's path and metadata, and may leave what it found out among its extensions.
pub type Admit = fn(&mut Parts) -> Result<(), Status>;

/// What a process is told about itself.
pub struct Settings<'a> {
    /// Where it listens.
    pub listen: SocketAddr,
    /// It may listen where strangers are.
    pub insecure: bool,
    /// Its folder.
    pub data: &'a Path,
    /// Its API, for reflection.
    pub descriptors: &'static [u8],
    /// Lets a call in, or says why not, before a service sees it.
    pub admit: Admit,
}

/// A process that listens and serves nothing yet.
pub struct Process {
    /// As a client on this machine has to call it.
    pub address: SocketAddr,
    /// What has to be met for it to be ready.
    pub conditions: Conditions,
    /// No new calls come: what only waits may end.
    pub stop: Shutdown,
    /// Every call is answered: what acts by itself ends after its step.
    pub drained: Shutdown,
}

/// What it serves.
pub struct Running {
    /// Its gRPC.
    pub routes: Routes,
    /// Tasks that end by themselves once the calls are [drained](Process::drained), in their order.
    pub finishing: Vec<JoinHandle<()>>,
    /// Tasks that end when they are aborted.
    pub tasks: Vec<JoinHandle<()>>,
    /// What is left to do when all of these have ended.
    pub closing: BoxFuture<'static, ()>,
}

/// Runs until told to stop. Opens what it serves with `open`; a signal in the middle of that ends the process, too.
pub async fn run(settings: Settings<'_>, open: impl AsyncFnOnce(Process) -> Result<Running>) -> Result<()> {
    let listener = listen::bind(settings.listen, settings.insecure).await?;
    let address = listener.local_addr().context("the address that was bound")?;
    let (stopper, stop) = shutdown::channel();
    let (drainer, drained) = shutdown::channel();
    tokio::spawn(stopper.on_signal());
    let _lock = data::lock(settings.data)?;

    let conditions = Conditions::default();
    let opening = conditions.add("services", "being opened");
    let (cutter, cut_off) = shutdown::channel();
    let later = Later::new(conditions.clone(), settings.admit, stop.clone(), cut_off);
    let told = (conditions.clone(), stop.clone());
    let serving = tokio::spawn(serve(listener, later.clone(), settings.descriptors, told, cutter));
    let process =
        Process { address: own(address), conditions: conditions.clone(), stop: stop.clone(), drained };
    let running = tokio::select! {
        running = open(process) => running?,
        () = stop.stopped() => return Ok(()),
    };
    later.open(running.routes);
    opening.set(None);
    let announcer = tokio::spawn(async move {
        conditions.met().await;
        say_ready(address);
    });
    let served = serving.await.context("the server")?;
    announcer.abort();
    drainer.stop();
    finish(running.finishing, running.tasks, running.closing).await;
    served
}

/// What a process takes of the processors unless it is told how many threads to have.
#[derive(Clone, Copy, Debug)]
pub enum Share {
    /// It is alone on its machine.
    All,
    /// Others of ours may be there.
    Half,
}

impl Share {
    fn threads(self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match self {
            Self::All => processors,
            Self::Half => (processors / 2).max(1),
        }
    }
}

/// Runs a process to its end, which is also a panic outside of its calls. What was wrong is in its logs.
pub fn main(threads: Option<NonZeroUsize>, share: Share, run: impl Future<Output = Result<()>>) -> ExitCode {
    panics::end_the_process();
    let threads = threads.map_or_else(|| share.threads(), NonZeroUsize::get);
    // The allocator asks for pages of 2 MB: each is cleared and taken whole, however little of it is used. Without them an
    // idle process has a third of the memory.
    if let Err(error) = prctl::set_thp_disable(true) {
        tracing::debug!(%error, "pages of memory stay as large as they are");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let outcome = runtime.context("no threads to run on").and_then(|runtime| runtime.block_on(run));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ourselves, as a client has to call us.
fn own(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        _ => address,
    }
}

fn say_ready(address: SocketAddr) {
    tracing::info!(%address, "ready");
    let mut stdout = std::io::stdout();
    // Nobody may be listening.
    let _ = writeln!(stdout, "ready {address}").and_then(|()| stdout.flush());
}

async fn serve(
    listener: TcpListener,
    later: Later,
    descriptors: &'static [u8],
    (conditions, stop): (Conditions, Shutdown),
    cutter: Stopper,
) -> Result<()> {
    let drained = drained(stop.clone(), later.clone(), cutter);
    let served = server::serve(listener, later, descriptors, (conditions, stop.clone()), drained);
    let too_long = async {
        stop.stopped().await;
        tokio::time::sleep(LAST_WORD + GRACE + ANSWERS * 2).await;
    };
    tokio::select! {
        served = served => Ok(served?),
        () = too_long => Ok(()),
    }
}

/// Resolves once it is told to stop and no call is without an answer.
async fn drained(stop: Shutdown, later: Later, cutter: Stopper) {
    stop.stopped().await;
    tokio::time::sleep(LAST_WORD).await;
    if timeout(GRACE, later.answered()).await.is_err() {
        tracing::warn!("calls that had begun are cut off");
        cutter.stop();
        // Those that are left then have callers who do not take their answers.
        let _ = timeout(ANSWERS, later.answered()).await;
    }
}

async fn finish(finishing: Vec<JoinHandle<()>>, tasks: Vec<JoinHandle<()>>, closing: BoxFuture<'static, ()>) {
    for mut task in finishing {
        if timeout(GRACE, &mut task).await.is_err() {
            tracing::warn!("a step was cut off; it is taken up again at the next start");
            task.abort();
        }
    }
    for task in tasks {
        task.abort();
        // An aborted task answers with an error.
        let _ = task.await;
    }
    if timeout(GRACE, closing).await.is_err() {
        tracing::warn!("not everything was closed in time; the next start folds more");
    }
}
