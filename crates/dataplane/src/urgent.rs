//! Threads that go before others as soon as they have something to do. Between a claim and the kernel there is next to nothing
//! to compute: what takes long is to wait for a processor that somebody else has.

use std::{cell::Cell, io};

thread_local! {
    static PRIORITY: Cell<u8> = const { Cell::new(0) };
}

/// This thread has this real-time priority from now on, before every thread that has none, and shares the processor with those
/// that have the same. 0: it is a thread as any other. What it starts is no more than that.
pub fn go_first(priority: u8) -> io::Result<()> {
    set(priority)?;
    PRIORITY.set(priority);
    Ok(())
}

/// What [`go_first`] was told last in this thread.
pub fn priority() -> u8 {
    PRIORITY.get()
}

/// Does what may take long as any other thread would.
pub fn at_leisure<T>(work: impl FnOnce() -> T) -> T {
    let _leisure = Leisure::begin();
    work()
}

/// Its end, also where the work panics, is the end of the leisure.
struct Leisure(u8);

impl Leisure {
    fn begin() -> Self {
        let leisure = Self(priority());
        if leisure.0 > 0 {
            // Whoever may go first may also stand back.
            let _ = set(0);
        }
        leisure
    }
}

impl Drop for Leisure {
    fn drop(&mut self) {
        if self.0 > 0 {
            let _ = set(self.0);
        }
    }
}

fn set(priority: u8) -> io::Result<()> {
    let policy = if priority > 0 { libc::SCHED_RR | libc::SCHED_RESET_ON_FORK } else { libc::SCHED_OTHER };
    let parameters = libc::sched_param { sched_priority: priority.into() };
    // SAFETY: `parameters` lives through the call; 0 is the calling thread.
    #[allow(unsafe_code, reason = "nix does not set a thread's policy")]
    let answer = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> i32 {
        #[allow(unsafe_code, reason = "as above")]
        // SAFETY: it has no arguments that could be wrong; 0 is the calling thread.
        unsafe {
            libc::sched_getscheduler(0) & !libc::SCHED_RESET_ON_FORK
        }
    }

    #[test]
    fn a_thread_that_goes_first_stands_back_for_what_takes_long_and_whoever_it_starts_does_not_go_first() {
        std::thread::spawn(|| {
            if go_first(1).is_err() {
                // Nobody who may not is any other than before.
                assert_eq!((policy(), priority()), (libc::SCHED_OTHER, 0));
                return;
            }
            assert_eq!((policy(), priority()), (libc::SCHED_RR, 1));
            assert_eq!(at_leisure(|| (policy(), priority())), (libc::SCHED_OTHER, 1));
            assert_eq!(policy(), libc::SCHED_RR);
            let panicked = std::panic::catch_unwind(|| at_leisure(|| panic!("in the middle")));
            assert!(panicked.is_err() && policy() == libc::SCHED_RR);
            assert_eq!(std::thread::spawn(policy).join().unwrap(), libc::SCHED_OTHER);
            go_first(0).unwrap();
            assert_eq!(policy(), libc::SCHED_OTHER);
        })
        .join()
        .unwrap();
    }
}
