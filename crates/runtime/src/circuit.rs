//! A circuit: after several failures in a row nobody asks any more for a while; then one may try, and on what comes of
//! that it closes, or opens for longer. So that a peer that is away costs its callers nothing, and is not run down
//! when it comes back.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// So many failures in a row open it.
pub(crate) const FAILURES: u32 = 3;
/// How long it stays open at first, and at most, before one may try.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    /// The last one's.
    cause: String,
    /// Nobody asks before this.
    open_until: Option<Instant>,
    /// How long it was open last.
    pause: Duration,
    /// One is trying.
    probing: bool,
}

/// Nobody asks now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// Why: the last failure.
    pub(crate) cause: String,
    /// When one may try.
    pub(crate) again_in: Duration,
}

/// Leave to ask once. Dropped without a word it says nothing, unless it was the one try.
#[derive(Debug)]
pub(crate) struct Permit {
    circuit: Arc<Circuit>,
    probe: bool,
    settled: bool,
}

impl Circuit {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave to ask, or why not.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Permit, Open> {
        let mut state = self.state();
        let probe = match state.open_until {
            None => false,
            Some(until) => {
                let again_in = until.saturating_duration_since(Instant::now());
                if state.probing || !again_in.is_zero() {
                    return Err(Open { cause: state.cause.clone(), again_in });
                }
                state.probing = true;
                true
            }
        };
        Ok(Permit { circuit: self.clone(), probe, settled: false })
    }

    /// What failed last, if nothing has succeeded since.
    pub(crate) fn trouble(&self) -> Option<String> {
        let state = self.state();
        (state.failures > 0).then(|| state.cause.clone())
    }
}

impl Permit {
    /// There was an answer.
    pub(crate) fn succeeded(mut self) {
        self.settled = true;
        *self.circuit.state() = State::default();
    }

    /// There was none.
    pub(crate) fn failed(mut self, cause: String) {
        self.settle(Some(cause));
    }

    fn settle(&mut self, cause: Option<String>) {
        self.settled = true;
        let mut state = self.circuit.state();
        if let Some(cause) = cause {
            state.failures = state.failures.saturating_add(1);
            state.cause = cause;
        }
        // What began before it opened opens it no further.
        if self.probe || (state.open_until.is_none() && state.failures >= FAILURES) {
            state.probing = false;
            state.pause = (state.pause * 2).clamp(FIRST, LONGEST);
            // Between half of it and all of it: those that lost the peer together do not come back together.
            let pause = state.pause / 2 + state.pause.mul_f64(fastrand::f64() / 2.0);
            state.open_until = Some(Instant::now() + pause);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.probe && !self.settled {
            self.settle(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn fail(circuit: &Arc<Circuit>) {
        circuit.admit().unwrap().failed("connection refused".to_owned());
    }

    fn opened() -> Arc<Circuit> {
        let circuit = Arc::new(Circuit::default());
        (0..FAILURES).for_each(|_| fail(&circuit));
        circuit
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_says_why_and_when_one_may_try() {
        let circuit = Arc::new(Circuit::default());
        (1..FAILURES).for_each(|_| fail(&circuit));
        circuit.admit().unwrap().succeeded();
        (1..FAILURES).for_each(|_| fail(&circuit));
        assert!(circuit.admit().is_ok(), "an answer in between starts the count anew");
        fail(&circuit);
        let open = circuit.admit().unwrap_err();
        assert_eq!(open.cause, "connection refused");
        assert!(open.again_in > Duration::ZERO && open.again_in <= FIRST, "{open:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_pause_one_may_try_and_the_others_wait_for_what_comes_of_it() {
        let circuit = opened();
        advance(FIRST).await;
        let probe = circuit.admit().unwrap();
        assert!(circuit.admit().is_err(), "one at a time");
        probe.succeeded();
        assert!(circuit.admit().is_ok() && circuit.admit().is_ok());
        assert_eq!(circuit.trouble(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_that_fails_or_is_given_up_opens_it_for_longer_up_to_a_bound() {
        let circuit = opened();
        for round in 0..10 {
            let pause = circuit.admit().unwrap_err().again_in;
            assert!(pause <= LONGEST);
            assert!(round < 6 || pause >= LONGEST / 2, "{pause:?}");
            advance(pause).await;
            match circuit.admit().unwrap() {
                probe if round % 2 == 0 => probe.failed("still away".to_owned()),
                probe => drop(probe),
            }
        }
        assert_eq!(circuit.trouble().unwrap(), "still away");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_began_before_it_opened_opens_it_no_further() {
        let circuit = Arc::new(Circuit::default());
        let late = circuit.admit().unwrap();
        (0..FAILURES).for_each(|_| fail(&circuit));
        let before = circuit.admit().unwrap_err().again_in;
        late.failed("late".to_owned());
        assert_eq!(circuit.admit().unwrap_err().again_in, before);
    }
}
