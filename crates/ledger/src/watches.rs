//! How many watches each project has at once: each takes memory and time for as long as it lasts, and a client may forget it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mooring_domain::name::ProjectId;
use mooring_proto::status::Unserved;

use crate::{Refused, caller::Caller};

/// A project's watches of one service at once, in one process.
const EACH: usize = 256;

/// The watches under way, by project. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    of: Arc<Mutex<BTreeMap<ProjectId, usize>>>,
}

/// A watch under way. Another one may begin when it is dropped.
#[derive(Debug)]
pub struct Begun {
    watches: Watches,
    project: Option<ProjectId>,
}

impl Watches {
    fn of(&self) -> MutexGuard<'_, BTreeMap<ProjectId, usize>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one of this project's. The operator's are not counted: they keep no project from its own.
    ///
    /// # Errors
    /// The project has as many as it may.
    pub fn begin(&self, caller: &Caller, project: &ProjectId) -> Result<Begun, Refused> {
        let project = (!caller.is_operator()).then(|| project.clone());
        if let Some(project) = &project {
            let mut of = self.of();
            let count = of.entry(project.clone()).or_default();
            if *count >= EACH {
                return Err(Unserved::Watching.into());
            }
            *count += 1;
        }
        Ok(Begun { watches: self.clone(), project })
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some(project) = &self.project else { return };
        let mut of = self.watches.of();
        if let Some(count) = of.get_mut(project) {
            *count -= 1;
            if *count == 0 {
                of.remove(project);
            }
        }
    }
}
