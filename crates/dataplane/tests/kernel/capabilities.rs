//! Without a capability, the fault names it. Capabilities belong to a thread, so each story gives up its own.

use std::thread;

use mooring_dataplane::{Fault, Kernel, Place, Watcher};

use crate::namespace::Namespace;

const CAP_NET_ADMIN: u32 = 12;
const CAP_NET_RAW: u32 = 13;
const CAP_SYS_ADMIN: u32 = 21;

/// What opening fails with on a thread without this capability.
fn without(capability: u32, open: impl FnOnce() -> Result<(), Fault> + Send) -> Fault {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            give_up(capability);
            open()
        });
        thread.join().unwrap().unwrap_err()
    })
}

#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

#[allow(unsafe_code, reason = "no crate we have gives up a thread's capability")]
fn give_up(capability: u32) {
    const VERSION_3: u32 = 0x2008_0522;
    // Effective, permitted and inheritable, of the first 32 capabilities and of the rest.
    let mut data = [[0u32; 3]; 2];
    let mut header = Header { version: VERSION_3, pid: 0 };
    // SAFETY: both are what the kernel expects of version 3, and live through both calls.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()), 0);
        data[0][0] &= !(1 << capability);
        assert_eq!(libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()), 0);
    }
}

#[test]
fn a_missing_capability_is_named() {
    let namespace = Namespace::new();
    let place = namespace.place();
    for (number, name) in
        [(CAP_SYS_ADMIN, "CAP_SYS_ADMIN"), (CAP_NET_ADMIN, "CAP_NET_ADMIN"), (CAP_NET_RAW, "CAP_NET_RAW")]
    {
        let faults = [
            without(number, || Kernel::open(&place).map(drop)),
            without(number, || Watcher::open(&place).map(drop)),
        ];
        for fault in faults {
            assert!(
                matches!(&fault, Fault::NotPermitted { capability, .. } if *capability == name),
                "without {name}: {fault}"
            );
            assert!(fault.to_string().contains(name), "{fault}");
        }
    }
}

#[test]
fn in_the_processs_own_namespace_nobody_needs_to_enter_one() {
    // There is no such link; what counts is that this is all that is missing.
    let place = Place { netns: None, inside: "in9".to_owned(), ..Namespace::new().place() };
    let fault = without(CAP_SYS_ADMIN, || Kernel::open(&place).map(drop));
    assert!(matches!(&fault, Fault::NoLink { .. }), "{fault}");
}
