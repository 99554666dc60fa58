//! What can go wrong between Mooring and a kernel, said so that an operator knows what to do.

use std::io;

/// An operation on a kernel that failed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The namespace of the operator's file is not there (yet).
    #[error("there is no network namespace {name:?} (looked for {path})")]
    NoNamespace {
        /// As in the operator's file.
        name: String,
        /// Where it was looked for.
        path: String,
    },
    /// A link of the operator's file is not there (yet).
    #[error("there is no link {link:?} in {namespace}")]
    NoLink {
        /// The link's name.
        link: String,
        /// The namespace, for people.
        namespace: String,
    },
    /// A link of the operator's file has no MAC addresses, so that neither neighbours nor the fence make sense on it.
    #[error("the link {link:?} in {namespace} does not carry Ethernet")]
    NotEthernet {
        /// The link's name.
        link: String,
        /// The namespace, for people.
        namespace: String,
    },
    /// A link has no IPv4 address, so that it cannot be a sender.
    #[error("the link {link:?} in {namespace} has no IPv4 address to send ARP from")]
    NoAddress {
        /// The link's name.
        link: String,
        /// The namespace, for people.
        namespace: String,
    },
    /// Another process listens to what the fence drops here.
    #[error("another process watches this namespace already (it listens to the packet log's group {group})")]
    AlreadyWatched {
        /// The group.
        group: u16,
    },
    /// The process lacks a capability.
    #[error("not permitted: {operation} needs the capability {capability}")]
    NotPermitted {
        /// What was tried.
        operation: String,
        /// The capability that is missing.
        capability: &'static str,
    },
    /// The kernel refused.
    #[error("{operation}: {source}")]
    Kernel {
        /// What was tried.
        operation: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The kernel answered something that cannot be read.
    #[error("{operation}: the kernel's answer makes no sense: {what}")]
    Answer {
        /// What was tried.
        operation: String,
        /// What is wrong with the answer.
        what: String,
    },
}

impl Fault {
    /// The fault behind an error of the kernel: `EPERM` and `EACCES` mean that `capability` is missing.
    pub(crate) fn kernel(operation: impl Into<String>, capability: &'static str, source: io::Error) -> Self {
        let operation = operation.into();
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NotPermitted { operation, capability },
            _ => Self::Kernel { operation, source },
        }
    }

    pub(crate) fn answer(operation: &str, what: impl Into<String>) -> Self {
        Self::Answer { operation: operation.to_owned(), what: what.into() }
    }
}
