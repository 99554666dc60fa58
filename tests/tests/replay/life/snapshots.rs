//! From every snapshot of a service the records behind it come to what all records come to. A service is opened on the log
//! as it was at one photo after the other: it starts on the snapshot that it left at the photo before.

use std::sync::{Arc, atomic::Ordering};

use mooring_domain::{Decider, binding::BindingCore, holder::HolderCore, resource::ResourceCore};
use mooring_event_log::EventLog;
use mooring_ledger::{Ledger, Snapshots};
use mooring_tests::history::{States, life::Photo};

use super::{
    EVERY, Stored,
    prefix::{Prefix, tails},
};

pub fn from_every_one(stored: &Stored) {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    super::runtime().block_on(async {
        let log = stored.log();
        let tails = tails(&*log, |position| position.0.is_multiple_of(EVERY)).await;
        let mut before = 0;
        for photo in stored.life.photos.iter().chain([&stored.life.end]) {
            let prefix = || Prefix::new(Arc::clone(&log), tails[&photo.position.0].clone());
            check::<ResourceCore>(prefix(), &snapshots, before, photo, |states| &states.resource).await;
            check::<BindingCore>(prefix(), &snapshots, before, photo, |states| &states.binding).await;
            check::<HolderCore>(prefix(), &snapshots, before, photo, |states| &states.holder).await;
            before = photo.position.0;
        }
    });
}

/// `before`: where the snapshot was taken that it starts on.
async fn check<D: Decider>(
    prefix: Prefix,
    snapshots: &Snapshots,
    before: u64,
    photo: &Photo,
    state: fn(&States) -> &D::State,
) where
    D::State: PartialEq,
{
    let (prefix, at) = (Arc::new(prefix), photo.position);
    let log = Arc::clone(&prefix) as Arc<dyn EventLog>;
    let opened = Ledger::<D>::open(log, Some(snapshots.clone()), "r1".parse().unwrap()).await;
    let (ledger, task) = opened.unwrap();
    let view = ledger.view().clone();
    assert_eq!(view.position, at, "{:?}", D::STREAM);
    assert!(*view.state == *state(&photo.states), "{:?} at {at}, from the snapshot at {before}", D::STREAM);
    let from = prefix.followed_after.load(Ordering::Relaxed);
    assert_eq!(from, before, "{:?} at {at} was folded from there", D::STREAM);
    drop(ledger);
    task.close().await.unwrap();
}
