//! Many changes of one thing at once: each is a record of its own, and nobody who wants something else waits for that.

use std::sync::Arc;

use mooring_domain::{
    Timestamp,
    id::PoolId,
    resource::{Command, CreatePool, PoolChange, UpdatePool},
    revision::Expected,
};
use mooring_event_log::{
    EventLog,
    faulty::{Fault, FaultyLog},
    memory::Memory,
};
use tokio::task::yield_now;
use uuid::Uuid;

use crate::stories::*;

/// More than go into one record.
const MANY: u32 = 1100;
/// So many wait at most, and one before them.
const SERVED: usize = 65;

fn create(id: PoolId) -> Command {
    let (display_name, cidrs) = ("public".parse().unwrap(), vec!["203.0.113.0/28".parse().unwrap()]);
    let cooling = std::time::Duration::ZERO;
    Command::CreatePool(CreatePool { id, region: region(), display_name, cidrs, cooling })
}

#[tokio::test]
async fn changes_of_one_thing_wait_in_their_order_and_keep_nobody_else_waiting() {
    let faulty = Arc::new(FaultyLog::around(Arc::new(Memory::new())));
    let log: Arc<dyn EventLog> = faulty.clone();
    let ledger = open(&log).await;
    let id = PoolId::new(Uuid::now_v7());
    ledger.submit(caller(), create(id)).await.unwrap();
    faulty.fail_next(Fault::Hang);
    let submitting = |commands: Vec<Command>| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.submit_all(&caller(), commands).await })
    };
    let first = submitting(vec![vpc("first")]);
    faulty.hanging(1).await;
    let rename = |n| {
        let display_name = Some(format!("pool-{n}").parse().unwrap());
        let change = PoolChange { display_name, ..PoolChange::default() };
        let (expected, now) = (Expected::default(), Timestamp::default());
        Command::UpdatePool(UpdatePool { id, region: region(), expected, change, now })
    };
    let changes = submitting((0..MANY).map(rename).collect());
    // On this single-threaded runtime this comes after the changes.
    yield_now().await;
    let other = submitting(vec![vpc("other")]);
    yield_now().await;
    faulty.release();
    first.await.unwrap().remove(0).unwrap();

    let other = other.await.unwrap().remove(0).unwrap().position.0;
    assert!(other <= 4, "it had to wait until record {other}");
    let changes = changes.await.unwrap();
    let (served, refused): (Vec<_>, Vec<_>) = changes.into_iter().partition(Result::is_ok);
    let served: Vec<_> = served.into_iter().map(|outcome| outcome.unwrap().position).collect();
    assert_eq!(served.len(), SERVED);
    assert!(served.is_sorted_by(|one, next| one < next), "one record each, in their order: {served:?}");
    assert!(refused.iter().all(|refused| reason(refused.as_ref().unwrap_err()) == "Crowded"));
    let pools = ledger.view().state;
    let name = pools.pools().iter().next().unwrap().facts.display_name.to_string();
    assert_eq!(name, format!("pool-{}", SERVED - 1));
    ledger.submit(caller(), rename(MANY)).await.unwrap();
}
