//! A claim moves traffic with nobody there to ask; health's word decides when it has come.

use mooring_domain::{
    Timestamp,
    event::Damping,
    holder::{Said, Sighting, Standing},
};
use mooring_proto::health::v1::Claim;

use super::*;
use crate::claims::SeenClaim;

pub(super) const OTHER: Mac = Mac([2, 0, 0, 0, 0, 0xb]);
const STRANGER: Mac = Mac([2, 0, 0, 0, 0, 0xc]);

/// HAVIPs 7 and 8 are held by [`HOLDER`], seen at 1, and [`OTHER`] may hold them, too.
pub(super) fn held(version: u64) -> Target {
    let mut target = target(version, &[7, 8]);
    for last in [7, 8] {
        target.desired.members.insert(havip(last), [HOLDER, OTHER].into_iter().collect());
        let standing = Standing { damping: Damping::OFF, moved_at: Timestamp(1), ..Standing::default() };
        target.observed.insert(havip(last), standing);
    }
    target
}

/// As the log has it after a failover to [`OTHER`].
fn moved(version: u64) -> Target {
    let mut target = held(version);
    target.desired.holders.insert(havip(7), Some(OTHER));
    target
}

impl Stage {
    /// Its watcher sees HAVIP 7 claimed.
    pub(super) async fn claimed(&self, mac: Mac, at: u64) {
        self.claimed_of(7, mac, at).await;
    }

    async fn claimed_of(&self, last: u8, mac: Mac, at: u64) {
        let (address, observed_at) = (Ipv4Addr::new(10, 0, 1, last), Timestamp(at));
        let (vpc, claim) = (Id::new(uuid::Uuid::from_u128(7)), Sighting { mac, observed_at });
        let number = self.claims.hand_in(SeenClaim { vpc, address, claim });
        self.sees
            .send(Sight { seen: Seen::Claim { address, mac, observed_at, said: Said::Announced }, number })
            .await
            .unwrap();
    }

    fn leads(&self, last: u8) -> Option<Mac> {
        self.actual().neighbours.get(&havip(last)).copied()
    }

    /// Waits until the kernel sends HAVIP 7 there, and this gateway says of how many HAVIPs it decided itself.
    pub(super) async fn leads_to(&mut self, mac: Mac, own: usize) {
        self.of_leads_to(7, mac, own).await;
    }

    async fn of_leads_to(&mut self, last: u8, mac: Mac, own: usize) {
        let leads = |stage: &Stage| stage.leads(last) == Some(mac);
        let waited = timeout(SOON, async {
            while !(leads(self) && self.progress.borrow().provisional.len() == own) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let waited = waited.await.is_ok();
        assert!(waited, "{:?} {:?}", self.actual().neighbours, self.progress.borrow());
    }

    /// The log says this, and health has decided up to that claim.
    fn health_says(&self, target: Target, number: u64) {
        let through = target.version;
        self.target.send_replace(target);
        self.distributed.set(through);
        self.decided.send_replace(Decided { number, through });
    }

    pub(super) async fn next_handed_in(&mut self) -> Claim {
        timeout(SOON, self.handed_in.recv()).await.unwrap().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_moves_traffic_before_health_has_heard_of_it() {
    let mut stage = Stage::start(Fake::new(true), held(1));
    stage.applied(1).await;
    stage.claimed(OTHER, 2).await;
    stage.leads_to(OTHER, 1).await;
    // Another event comes meanwhile: the log still has the old holder.
    stage.target.send_replace(held(2));
    stage.applied(2).await;
    stage.leads_to(OTHER, 1).await;
    stage.health_says(moved(3), 1);
    stage.applied(3).await;
    stage.leads_to(OTHER, 0).await;
    stage.is(&moved(3));
    assert_eq!(stage.progress.borrow().fault, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_moves_nothing_and_a_claim_seen_earlier_than_the_holders_neither() {
    let mut stage = Stage::start(Fake::new(true), held(1));
    stage.applied(1).await;
    stage.claimed(STRANGER, 2).await;
    stage.claimed(OTHER, 0).await;
    // What was seen before this has been looked at.
    stage.claimed_of(8, OTHER, 3).await;
    stage.of_leads_to(8, OTHER, 1).await;
    assert_eq!(stage.leads(7), Some(HOLDER));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_health_decides_otherwise_its_word_is_followed_and_the_holder_is_asked() {
    let mut stage = Stage::start(Fake::new(true), held(1));
    stage.applied(1).await;
    stage.claimed(OTHER, 2).await;
    stage.leads_to(OTHER, 1).await;
    let asked = stage.fake.with(|memory| memory.asked.len());
    stage.health_says(held(2), 1);
    stage.leads_to(HOLDER, 0).await;
    assert!(stage.fake.with(|memory| memory.asked.len()) > asked, "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_found_no_room_is_handed_in_when_there_is_some() {
    let mut stage = Stage::start(Fake::new(true), held(1));
    stage.applied(1).await;
    for at in 2..2 + ROOM as u64 {
        stage.claimed(HOLDER, at).await;
    }
    stage.claimed(OTHER, 9).await;
    stage.leads_to(OTHER, 1).await;
    for number in 1..=ROOM as u64 {
        assert_eq!(stage.next_handed_in().await.number, number);
    }
    let late = stage.next_handed_in().await;
    assert_eq!((late.number, late.mac, late.observed_at), (ROOM as u64 + 1, OTHER.to_string(), 9));
    stage.health_says(moved(2), late.number);
    stage.leads_to(OTHER, 0).await;
}
