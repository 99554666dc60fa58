//! Holders are probed by whoever's turn it is; what the log does not say is said to health until it does.

use mooring_domain::holder::Standing;

use super::*;

const OTHER: Mac = Mac([2, 0, 0, 0, 0, 0xb]);

fn v4_of(last: u8) -> Ipv4Addr {
    v4(&havip(last)).unwrap()
}

impl Stage {
    fn shared_by(&self, gateways: &[&str]) {
        let gateways = gateways.iter().map(|name| name.parse().unwrap()).collect();
        self.played.probers.send_replace(Arc::new([(Id::new(uuid::Uuid::from_u128(7)), gateways)].into()));
    }

    fn probed(&self) -> Vec<(Ipv4Addr, Mac)> {
        self.fake.with(|memory| memory.probed.clone())
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let waited = async {
            while !so(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(SOON, waited).await.is_ok(), "{what}: {:?}", self.probed());
    }

    /// Waits until this is said of a holder, and nothing else of it.
    async fn says(&self, last: u8, silent: bool) -> Word {
        let said = async {
            loop {
                let words = self.played.said();
                if let Some((_, word)) = words.into_iter().find(|(havip, _)| *havip == v4_of(last)) {
                    return word;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let word = timeout(SOON, said).await.unwrap();
        assert_eq!((word.holder, word.silent), (HOLDER, silent));
        word
    }

    fn answers(&self, last: u8, mac: Mac) {
        self.answers.note(v4_of(last), mac);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_answers_no_more_is_silent_and_one_that_is_heard_again_is_not() {
    let mut target = target(1, &[7]);
    target.desired.holders.insert(havip(9), None);
    let mut stage = Stage::start(Fake::new(true), target.clone());
    stage.applied(1).await;
    assert_eq!(stage.probed(), [], "nobody has said who shares the HAVIPs");
    stage.shared_by(&["gw-1"]);
    let silent = stage.says(7, true).await;
    let all: BTreeSet<_> = stage.probed().into_iter().collect();
    assert_eq!(all, [(v4_of(7), HOLDER)].into(), "nobody holds the other one");
    let asked = || stage.fake.with(|memory| memory.asked.clone());
    stage.until("everybody to be asked", |_| asked().contains(&(v4_of(7), None))).await;
    // Until the log says so it is said again.
    assert_eq!(stage.says(7, true).await, silent);

    target.silent.insert(havip(7));
    stage.target.send_replace(target.clone());
    stage.answers(7, OTHER);
    stage.answers(7, HOLDER);
    let heard = stage.says(7, false).await;
    assert!(heard.heard_at > silent.heard_at);
}

/// It announced itself over gRPC: its lease says when it is gone, and it need not be on layer 2.
#[tokio::test(flavor = "multi_thread")]
async fn a_holder_with_a_lease_is_not_probed_until_it_has_none() {
    let mut target = target(1, &[7, 8]);
    target.observed.insert(havip(7), Standing { leased: true, ..Standing::default() });
    let mut stage = Stage::start(Fake::new(true), target.clone());
    stage.applied(1).await;
    stage.shared_by(&["gw-1"]);
    stage.says(8, true).await;
    let all: BTreeSet<_> = stage.probed().into_iter().collect();
    assert_eq!(all, [(v4_of(8), HOLDER)].into());
    target.observed.remove(&havip(7));
    target.version = Position(2);
    stage.target.send_replace(target);
    stage.says(7, true).await;
}

/// A failover moves the probes with it; what the new one has not said yet is not said of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_new_holder_is_probed_and_the_old_ones_silence_is_nothing_to_it() {
    let mut target = target(1, &[7]);
    let mut stage = Stage::start(Fake::new(true), target.clone());
    stage.applied(1).await;
    stage.shared_by(&["gw-1"]);
    stage.says(7, true).await;
    target.desired.holders.insert(havip(7), Some(OTHER));
    target.version = Position(2);
    stage.target.send_replace(target);
    stage.until("the new holder to be probed", |stage| stage.probed().contains(&(v4_of(7), OTHER))).await;
    stage.answers(7, HOLDER);
    stage
        .until("it to be said of the new holder", |stage| {
            let of_new = |(_, word): &(Ipv4Addr, Word)| word.holder == OTHER && word.silent;
            stage.played.said().iter().any(of_new)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_gateways_turn_is_left_to_it_until_it_is_gone() {
    let eips: Vec<u8> = (1..60).collect();
    let mut stage = Stage::start(Fake::new(true), target(1, &eips));
    stage.applied(1).await;
    stage.shared_by(&["gw-1", "gw-2"]);
    stage.until("some to be silent", |stage| !stage.played.said().is_empty()).await;
    let probed: BTreeSet<_> = stage.probed().into_iter().collect();
    assert!((15..45).contains(&probed.len()), "{} of {}", probed.len(), eips.len());
    stage.shared_by(&["gw-1"]);
    stage
        .until("all to be probed", |stage| {
            stage.probed().into_iter().collect::<BTreeSet<_>>().len() == eips.len()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_cut_off_takes_nobody_for_silent() {
    let fake = Fake::new(true);
    fake.with(|memory| memory.unplugged = true);
    let mut stage = Stage::start(fake, target(1, &[7]));
    stage.applied(1).await;
    stage.shared_by(&["gw-1"]);
    // After so many questions somebody who can be asked would be silent.
    stage.until("it to be tried", |stage| stage.fake.with(|memory| memory.unsent) > 10).await;
    assert_eq!(stage.played.said(), []);
    stage.fake.with(|memory| memory.unplugged = false);
    stage.says(7, true).await;
}
