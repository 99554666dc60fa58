//! What a worker leaves of a failover: from the claim that moved traffic until its kernel leads there.

use mooring_domain::{Timestamp, holder::Standing};

use super::{
    own::{OTHER, held},
    *,
};
use crate::receipts::Moved;

impl Stage {
    async fn next_moved(&mut self) -> Moved {
        timeout(SOON, self.left.next_moved()).await.unwrap()
    }
}

fn of(moved: &Moved) -> (Mac, u64, Timestamp, bool) {
    (moved.led.mac, moved.number, moved.claimed_at, moved.held)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_is_over_when_the_kernel_leads_there_and_what_a_probe_hears_is_none() {
    let fake = Fake::new(true);
    let mut stage = Stage::start(fake.clone(), held(1));
    stage.applied(1).await;
    let alive = Seen::Alive { address: [10, 0, 1, 7].into(), mac: HOLDER };
    stage.sees.send(Sight { seen: alive, number: None }).await.unwrap();
    fake.fail(Call::Apply, 1_000);
    stage.claimed(OTHER, 2).await;
    stage.fault().await;
    assert!(stage.left.is_empty());
    fake.with(|memory| memory.failing.clear());
    let moved = stage.next_moved().await;
    assert_eq!(of(&moved), (OTHER, 1, Timestamp(2), false));
    assert_eq!(stage.actual().neighbours.get(&havip(7)), Some(&OTHER));
}

/// How long damping held it up is none of the gateway's time.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_held_up_begins_with_the_answer_that_moved_it() {
    let mut target = held(1);
    let standing = Standing { backoff: Duration::from_nanos(10), ..target.observed[&havip(7)] };
    target.observed.insert(havip(7), standing);
    let mut stage = Stage::start(Fake::new(true), target);
    stage.applied(1).await;
    stage.claimed(OTHER, 5).await;
    stage.claimed(OTHER, 20).await;
    assert_eq!(of(&stage.next_moved().await), (OTHER, 2, Timestamp(20), false));
    // It repeats itself.
    stage.next_handed_in().await;
    stage.claimed(OTHER, 21).await;
    assert_eq!(of(&stage.next_moved().await), (OTHER, 3, Timestamp(21), true));
}
