//! Work inside a namespace: on a thread of its own, so that no other thread ever changes namespaces.
//!
//! Sockets belong to the namespace in which they were opened, and go on working from anywhere.

use std::{fs::File, io, thread};

use nix::sched::{CloneFlags, setns};

use crate::{Fault, Place};

const FOLDER: &str = "/run/netns";

/// Do this inside the place's namespace.
pub(crate) fn inside<T: Send>(
    place: &Place,
    work: impl FnOnce() -> Result<T, Fault> + Send,
) -> Result<T, Fault> {
    let Some(name) = &place.netns else { return work() };
    let namespace = open(name)?;
    let enter = format!("enter {}", place.namespace());
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("namespace".to_owned()).spawn_scoped(scope, || {
            setns(&namespace, CloneFlags::CLONE_NEWNET)
                .map_err(|errno| Fault::kernel(&enter, "CAP_SYS_ADMIN", errno.into()))?;
            work()
        });
        let thread = thread.map_err(|source| Fault::Kernel {
            operation: "start a thread to work in a namespace".to_owned(),
            source,
        })?;
        thread.join().unwrap_or_else(|_| {
            let what = "the thread that worked in it panicked".to_owned();
            Err(Fault::Answer { operation: enter.clone(), what })
        })
    })
}

fn open(name: &str) -> Result<File, Fault> {
    let path = format!("{FOLDER}/{name}");
    File::open(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Fault::NoNamespace { name: name.to_owned(), path },
        _ => Fault::kernel(format!("open {path}"), "CAP_DAC_OVERRIDE", source),
    })
}
