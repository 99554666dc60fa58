//! The threads between a claim and the kernel: they go before whatever else the machine does. Workers run here, everything
//! else of the process on the threads that it has anyhow.

use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use clap::Args;
use mooring_dataplane::urgent::go_first;
use tokio::{
    runtime::{Builder, Handle},
    task::block_in_place,
};

/// Flatten it into a gateway's parser.
#[derive(Clone, Copy, Debug, Args)]
pub struct UrgentArgs {
    /// The real-time priority, 1 to 99, of the threads that move traffic at a failover: a busy machine holds them up less.
    /// What makes a whole ruleset anew, or reads one back, is done without it. 0: as any other thread.
    #[arg(
        long,
        env = "MOORING_REALTIME_PRIORITY",
        value_name = "PRIORITY",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(0..=99)
    )]
    pub realtime_priority: u8,
}

/// Clones share the threads, which end with the process.
#[derive(Clone)]
pub(crate) struct Urgent {
    handle: Handle,
}

impl Urgent {
    pub(crate) fn start(args: UrgentArgs) -> std::io::Result<Self> {
        let priority = args.realtime_priority;
        let say = Arc::new(std::sync::Once::new());
        let go_first = move || {
            if let Err(error) = go_first(priority) {
                say.call_once(
                    || tracing::warn!(%error, "no real-time priority: a busy machine holds up failovers"),
                );
            }
        };
        let processors = available_parallelism().map_or(1, NonZeroUsize::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads((processors / 2).max(1))
            .thread_name("failover")
            .on_thread_start(go_first)
            .enable_time()
            .build()?;
        let handle = runtime.handle().clone();
        // What a worker is in the middle of at the end is as it would be were the process killed: the next start makes it
        // equal. A runtime that is shut down takes its timers away at once, and a worker that is at a kernel just then
        // panics at the next one: so nobody shuts it down.
        std::mem::forget(runtime);
        Ok(Self { handle })
    }

    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// Does what may take long: other tasks of this thread go on elsewhere, and it goes before nobody meanwhile.
pub(crate) fn at_leisure<T>(work: impl FnOnce() -> T) -> T {
    block_in_place(|| mooring_dataplane::urgent::at_leisure(work))
}

#[cfg(test)]
mod stories {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    /// The process ends while a worker is at a kernel: whoever shut the threads down then took its timers away.
    #[test]
    fn a_worker_that_is_at_a_kernel_goes_on_when_nobody_holds_the_threads_any_more() {
        let urgent = Urgent::start(UrgentArgs { realtime_priority: 0 }).unwrap();
        let (comes, at_kernel) = mpsc::channel();
        let (answer, kernel) = mpsc::channel();
        let (done, ended) = mpsc::channel();
        urgent.handle().spawn(async move {
            at_leisure(|| {
                comes.send(()).unwrap();
                kernel.recv().unwrap();
            });
            tokio::time::sleep(Duration::from_millis(1)).await;
            done.send(()).unwrap();
        });
        at_kernel.recv().unwrap();
        drop(urgent);
        answer.send(()).unwrap();
        ended.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
