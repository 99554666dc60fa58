//! Whether holders are still there. Each HAVIP's holder is asked by one of the gateways that can; what one hears, or does not
//! hear any more, goes to health, which writes down what is new. The traffic stays where it is until somebody else claims it.
//!
//! With every report a gateway says where it can ask, and health answers who else can: they share the HAVIPs ([`turns`])
//! without a word, also when one of them has died.

mod answers;
mod budget;
mod probed;
mod probes;
mod reports;
mod turns;

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use clap::Args;
use mooring_domain::{
    Timestamp,
    address::Mac,
    id::VpcId,
    name::{GatewayName, RegionId},
};
use tokio::sync::{Notify, watch};

pub(crate) use self::{
    answers::Answers,
    budget::{Budget, QUESTIONS_AT_ONCE},
    probed::{Probed, Shown},
    probes::{Moment, Opinion, Pace, Probes, Sign},
    reports::start,
};

/// The shortest time in which silence can be told from a slow answer.
const SHORTEST: Duration = Duration::from_millis(500);

/// Flatten it into a gateway's parser.
#[derive(Clone, Copy, Debug, Args)]
pub struct ProbeArgs {
    /// A holder that is not heard for this long, such as 3s, is STALE: it keeps the traffic until somebody else claims it. 500ms
    /// at least; 0s: no holder is probed.
    #[arg(
        long,
        env = "MOORING_STALE_AFTER",
        value_name = "TIME",
        default_value = "3s",
        value_parser = stale_after
    )]
    pub stale_after: Duration,
}

fn stale_after(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time.is_zero() || time >= SHORTEST {
        return Ok(time);
    }
    Err(format!("must be 0s or at least {}, is {text}", humantime::format_duration(SHORTEST)))
}

/// The gateways that can probe in each VPC, this one among them.
pub(crate) type Probers = BTreeMap<VpcId, Vec<GatewayName>>;

/// What a gateway says of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) holder: Mac,
    pub(crate) silent: bool,
    /// When it was heard last.
    pub(crate) heard_at: Timestamp,
}

/// What a region's workers need to probe. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Probing {
    pub(crate) gateway: GatewayName,
    pub(crate) region: RegionId,
    pub(crate) stale_after: Duration,
    pub(crate) budget: Budget,
    probers: watch::Receiver<Arc<Probers>>,
    words: Words,
}

/// What is to be said to health. Clones share it.
#[derive(Clone, Debug, Default)]
struct Words {
    waiting: Arc<Mutex<BTreeMap<(VpcId, Ipv4Addr), Word>>>,
    new: Arc<Notify>,
}

impl Probing {
    /// Says something of a holder to health. It is said again until the log has it, so it may be lost on the way.
    pub(crate) fn say(&self, vpc: VpcId, havip: Ipv4Addr, word: Word) {
        let mut waiting = self.words.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.insert((vpc, havip), word).is_none() {
            self.words.new.notify_one();
        }
    }

    /// Who can probe in each VPC, as far as health says.
    pub(crate) fn probers(&self) -> Arc<Probers> {
        self.probers.borrow().clone()
    }

    /// Whether this gateway is to probe a HAVIP, of these that can.
    pub(crate) fn is_mine(&self, gateways: &[GatewayName], vpc: VpcId, havip: Ipv4Addr) -> bool {
        // Where there is one alone no hash is needed.
        match gateways {
            [one] => *one == self.gateway,
            _ => turns::whose(gateways, vpc, havip.into()) == Some(&self.gateway),
        }
    }
}

/// The other side of [`Probing`], played by a story.
#[cfg(test)]
pub(crate) struct Played {
    /// Who can probe.
    pub(crate) probers: watch::Sender<Arc<Probers>>,
    words: Words,
}

#[cfg(test)]
impl Played {
    pub(crate) fn start(gateway: GatewayName, stale_after: Duration) -> (Probing, Self) {
        let (sender, probers) = watch::channel(Arc::default());
        let (region, budget) = ("r1".parse().unwrap(), Budget::new(std::time::Instant::now()));
        let words = Words::default();
        let played = Self { probers: sender, words: words.clone() };
        (Probing { gateway, region, stale_after, budget, probers, words }, played)
    }

    /// What was said of holders since it was looked at last.
    pub(crate) fn said(&self) -> Vec<(Ipv4Addr, Word)> {
        let words = std::mem::take(&mut *self.words.waiting.lock().unwrap());
        words.into_iter().map(|((_, havip), word)| (havip, word)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_too_short_to_tell_silence_from_a_slow_answer_is_refused() {
        assert_eq!(stale_after("0s"), Ok(Duration::ZERO));
        assert_eq!(stale_after("500ms"), Ok(SHORTEST));
        assert_eq!(stale_after("499ms"), Err("must be 0s or at least 500ms, is 499ms".to_owned()));
        assert!(stale_after("soon").is_err());
    }
}
