//! Where there are very many HAVIPs they are asked for in turn: no more answers come than a watcher has room for.

use std::time::Instant;

use super::*;

const MANY: usize = 3000;
/// Together, in a first round and in the first turn behind it.
const AT_FIRST: f64 = 400.0;
/// The most in a second.
const PER_SECOND: f64 = 4000.0;

fn crowd() -> Target {
    let mut target = target(1, &[]);
    target.desired.holders = (1..=MANY)
        .map(|number| {
            let holder = (number % 10 != 0).then_some(HOLDER);
            let havip = Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(number).unwrap());
            (IpAddr::V4(havip), holder)
        })
        .collect();
    target
}

impl Stage {
    fn asked_alone(&self) -> Vec<Ipv4Addr> {
        let to_holder = |(havip, holder): &(Ipv4Addr, Option<Mac>)| holder.map(|_| *havip);
        self.fake.with(|memory| memory.asked.iter().filter_map(to_holder).collect())
    }

    /// Waits until so many holders were asked, and never too many at once.
    async fn asks(&self, count: usize, since: Instant) {
        let asked = async {
            loop {
                let (asked, took) = (self.asked_alone().len(), since.elapsed());
                let most = (count - MANY * 9 / 10) as f64 + AT_FIRST + PER_SECOND * took.as_secs_f64();
                assert!(asked as f64 <= most, "{asked} after {took:?}");
                if asked >= count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(SOON, asked).await.is_ok(), "{} of {count}", self.asked_alone().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_holders_are_asked_in_turn_and_once_each_those_first_that_nobody_holds() {
    let begun = Instant::now();
    let mut stage = Stage::start(Fake::new(true), crowd());
    stage.applied(1).await;
    let unheld = stage.fake.with(|memory| memory.asked.clone());
    assert!(unheld.iter().take(200).all(|(_, holder)| holder.is_none()), "{unheld:?}");
    let held = MANY * 9 / 10;
    stage.asks(held, begun).await;
    let all: BTreeSet<_> = stage.asked_alone().into_iter().collect();
    assert_eq!((all.len(), stage.asked_alone().len()), (held, held), "each of them, and once");
}

/// Their answers are what a storm is made of otherwise: asked for again, they are lost again.
#[tokio::test(flavor = "multi_thread")]
async fn claims_that_were_lost_while_all_are_asked_are_asked_for_behind_them() {
    let (begun, held) = (Instant::now(), MANY * 9 / 10);
    let mut stage = Stage::start(Fake::new(true), crowd());
    stage.applied(1).await;
    let seen = Seen::Dropped { claimants: Claimants::Members, claims: 9 };
    stage.sees.send(Sight { seen, number: None }).await.unwrap();
    stage.asks(held, begun).await;
    stage.asks(2 * held, begun).await;
    let twice = stage.asked_alone();
    let first: BTreeSet<_> = twice.iter().take(held).collect();
    assert_eq!(first.len(), held, "nobody is asked again before all were");
}
