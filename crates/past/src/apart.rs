//! The parts of a region folded side by side: what existed on one thread, everything else on another, both behind the one that
//! reads the log.

use std::{
    panic::resume_unwind,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

use mooring_domain::{Commit, Decider, resource, resource::ResourceCore};

use crate::{Folded, Last};

/// Commits that are handed over at once …
const TOGETHER: usize = 512;
/// … and how often that is done before somebody has to take them.
const AHEAD: usize = 8;

/// A fold of both parts that is under way.
pub(crate) struct Apart {
    waiting: Vec<Commit>,
    resource: Part<resource::State>,
    rest: Part<Folded>,
    last: Option<Last>,
}

/// One part, and its thread.
struct Part<S> {
    to: SyncSender<Arc<Vec<Commit>>>,
    thread: JoinHandle<S>,
}

impl Apart {
    /// Goes on from what is folded already.
    pub(crate) fn on(folded: Folded) -> Self {
        let (last, resource) = (folded.last.clone(), folded.resource.clone());
        let resource = Part::start(resource, ResourceCore::follow);
        let rest = Part::start(Folded { resource: resource::State::default(), ..folded }, Folded::rest);
        Self { waiting: Vec::with_capacity(TOGETHER), resource, rest, last }
    }

    /// The commit folded last.
    pub(crate) fn last(&self) -> Option<&Last> {
        self.last.as_ref()
    }

    /// What another commit makes of it.
    pub(crate) fn commit(&mut self, commit: Commit) {
        self.last = Some(Last::of(&commit));
        self.waiting.push(commit);
        if self.waiting.len() >= TOGETHER {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let commits = Arc::new(std::mem::replace(&mut self.waiting, Vec::with_capacity(TOGETHER)));
        // Nobody takes them where a thread has panicked: that is met at the end.
        let _ = self.resource.to.send(Arc::clone(&commits));
        let _ = self.rest.to.send(commits);
    }

    /// The region, once all of it is folded.
    pub(crate) fn finish(mut self) -> Folded {
        self.hand_over();
        let (resource, rest) = (self.resource.end(), self.rest.end());
        Folded { resource, last: self.last, ..rest }
    }
}

impl<S: Send + 'static> Part<S> {
    fn start(mut state: S, follow: fn(&mut S, &Commit)) -> Self {
        let (to, commits) = sync_channel::<Arc<Vec<Commit>>>(AHEAD);
        let thread = thread::spawn(move || {
            for commits in commits {
                commits.iter().for_each(|commit| follow(&mut state, commit));
            }
            state
        });
        Self { to, thread }
    }

    fn end(self) -> S {
        drop(self.to);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}
