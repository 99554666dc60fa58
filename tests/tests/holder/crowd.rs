//! One gateway, and more holders than it may ask in a second: each is asked less often, and whoever is gone is found all the same.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use mooring_proto::dataplane::v1::Probing;
use mooring_tests::{Client, lab, probe::Announcer, wait_for};
use tokio::runtime::Runtime;

use crate::stage::*;

const HAVIPS: u32 = 1500;
/// The most questions of a gateway in a second.
const PER_SECOND: u64 = 1000;
/// vm-a has all of it, and answers for it.
const THEIRS: &str = "10.0.8.0/21";
const FIRST: u32 = Ipv4Addr::new(10, 0, 8, 0).to_bits();
/// Five questions to each, one second's worth after the other, on a busy machine.
const VERY_PATIENT: Duration = Duration::from_secs(90);

struct Crowd {
    stage: Stage,
    runtime: Runtime,
    client: Client,
}

impl Crowd {
    /// All are held by vm-a.
    fn held() -> Result<Crowd> {
        let (stage, runtime) = (Stage::empty()?, Runtime::new()?);
        let client = runtime.block_on(Client::connect(stage.server.address()))?;
        let havips: Vec<_> = (FIRST..FIRST + HAVIPS).map(Ipv4Addr::from_bits).collect();
        runtime.block_on(async {
            let vpc = client.vpc("blue").await?;
            let subnet = client.subnet(&vpc, "web", "10.0.0.0/16").await?;
            let vm_a = client.vnic(&subnet, "vm-a", lab::MAC_A, &lab::VM_A.to_string()).await?;
            client.havips(&subnet, &havips, &[&vm_a]).await
        })?;
        let crowd = Crowd { stage, runtime, client };
        crowd.has_them("add")?;
        let vm_a = Announcer::new(&crowd.stage.lab.vm_a)?;
        havips.iter().try_for_each(|havip| vm_a.announce(*havip))?;
        Ok(crowd)
    }

    /// `add`: vm-a has all of them from now on. `del`: none.
    fn has_them(&self, change: &str) -> Result<()> {
        self.stage.lab.vm_a.ip(&format!("route {change} local {THEIRS} dev eth0"))
    }

    fn probing(&self) -> Result<Probing> {
        let status = self.runtime.block_on(self.client.status(false))?;
        let vpc = status.vpcs.into_iter().next().context("no VPC")?;
        vpc.probing.context("nobody is asked")
    }

    fn wait_probing(&self, what: &str, is_so: impl Fn(&Probing) -> bool) -> Result<Probing> {
        wait_for(what, VERY_PATIENT, || match self.probing() {
            Ok(probing) if is_so(&probing) => Ok(probing),
            other => Err(format!("{other:?}")),
        })
    }

    /// Waits until the log has that each fell silent and was heard again.
    fn wait_told(&self) -> Result<()> {
        wait_for("the log to tell of all", VERY_PATIENT, || {
            let count = |kind| self.stage.count(kind).map_err(|error| format!("{error:#}"));
            let (silent, heard) = (count("holder_silent")?, count("holder_heard")?);
            if silent >= HAVIPS as usize && silent == heard {
                Ok(())
            } else {
                Err(format!("{silent}, {heard}"))
            }
        })
    }
}

#[test]
fn where_there_are_more_holders_than_may_be_asked_each_is_asked_less_often_and_a_silence_is_found() {
    let crowd = Crowd::held().unwrap();
    let (begun, all) = (Instant::now(), u64::from(HAVIPS));
    let before = crowd.wait_probing("all to be asked", |now| (now.holders, now.silent) == (all, 0)).unwrap();
    assert!(before.every > before.every_at_best && before.every >= 1_500_000_000, "{before:?}");
    let said = crowd.stage.server.moor("status").unwrap().out;
    assert!(said.contains("1500 holders") && said.contains("may ask no more in a second"), "{said}");

    crowd.has_them("del").unwrap();
    crowd.wait_probing("all to be silent", |now| now.silent == all).unwrap();
    crowd.has_them("add").unwrap();
    let after = crowd.wait_probing("all to be heard", |now| now.silent == 0).unwrap();
    // Of a second that has only begun as many as of a whole one.
    let seconds = begun.elapsed().as_secs() + 1;
    assert!(after.sent - before.sent >= 6 * all, "five to each that was silent, and one that was answered");
    assert!(after.sent - before.sent <= seconds * PER_SECOND, "{before:?} {after:?} in {seconds} s");
    assert_eq!(crowd.stage.count("holder_changed").unwrap(), HAVIPS as usize);
    crowd.wait_told().unwrap();
}
