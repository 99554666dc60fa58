//! Other members, told with real packets while an EIP fronts the HAVIP: a new one takes over, one that was removed is fenced.

use anyhow::{Result, ensure};
use mooring_tests::{lab, probe::ping, server::events};

use crate::stage::{SHORT, Stage};

#[test]
fn a_new_member_takes_over_and_the_removed_one_is_fenced_while_the_nat_stays_as_it_is() -> Result<()> {
    let stage = Stage::carrying()?;
    let (nat, late) = (stage.nat_table()?, &stage.lab.host_c);
    let (mac, address) = (lab::MAC_C, lab::HOST_C);
    stage.server.ask(&format!("vnic create {} --subnet web --mac {mac} --address {address}", late.role()))?;
    stage.server.ask(&format!("havip update front --add-member {} --remove-member vm-b", late.role()))?;
    stage.wait_carried("vm-a")?;

    // vm-a has the address all along, as a zombie would.
    stage.server.ask("havip update front --remove-member vm-a")?;
    stage.wait_state("front", "NONE")?;
    stage.wait_agree()?;
    let before = stage.dropped_packets("not_holder")?;
    ensure!(stage.who().is_err(), "a HAVIP that nobody holds answered");
    ensure!(ping(&stage.lab.vm_a, lab::HAVIP, lab::CLIENT, 56, SHORT).is_err(), "vm-a's packet passed");
    ensure!(stage.dropped_packets("not_holder")? > before, "nothing was fenced");

    stage.take_until_heard(late, lab::HAVIP, "front")?;
    stage.wait_carried(late.role())?;
    stage.wait_sends(late)?;
    ensure!(ping(&stage.lab.vm_a, lab::HAVIP, lab::CLIENT, 56, SHORT).is_err(), "vm-a's packet passed");
    stage.announce(&stage.lab.vm_a, lab::HAVIP)?;
    stage.wait_agree()?;
    stage.wait_carried(late.role())?;
    ensure!(stage.nat_table()? == nat, "F1: a NAT rule changed:\n{nat}\n{}", stage.nat_table()?);

    let told = events(&stage.server.moor("holder front --history -o json")?)?;
    let reasons =
        told.iter().filter(|(kind, _)| kind == "holder_withdrawn").map(|(_, event)| &event["reason"]);
    ensure!(reasons.eq(["EXCLUDED"]), "{told:?}");
    Ok(())
}

/// It announced the HAVIP as a stranger, once: the gateway asks when it becomes a member.
#[test]
fn who_has_the_address_already_is_found_when_it_becomes_a_member() -> Result<()> {
    let stage = Stage::stocked()?;
    let (late, mac, address) = (&stage.lab.host_c, lab::MAC_C, lab::HOST_C);
    stage.server.ask(&format!("vnic create {} --subnet web --mac {mac} --address {address}", late.role()))?;
    stage.server.ask("bind web front --wait")?;
    stage.take(late, lab::HAVIP)?;
    stage.server.ask(&format!("havip update front --add-member {}", late.role()))?;
    stage.wait_holder("front", late.role())?;
    stage.wait_carried(late.role())?;
    stage.wait_agree()
}
