//! Every binding is in both kernels; whoever is in the way of a bind or an unbind is named, and holds up no packet.

use mooring_tests::{cluster::Part, lab};

use crate::stage::{EIP, Stage, meanwhile};

const GW_2: Part = Part::Gateway(1);
const EIP_2: std::net::Ipv4Addr = std::net::Ipv4Addr::new(203, 0, 113, 71);

fn second_pair(stage: &Stage) {
    let havip = lab::HAVIP_2;
    stage.pair.lab.vm_b.ip(&format!("address add {havip}/24 dev eth0")).unwrap();
    stage.cluster.ask(&format!("havip create back --subnet web --address {havip} --member vm-b")).unwrap();
    stage.cluster.ask(&format!("eip allocate two --address {EIP_2}")).unwrap();
}

#[test]
fn an_unbind_waits_for_both_gateways_and_names_the_one_that_is_stopped() {
    let mut stage = Stage::carrying().unwrap();
    second_pair(&stage);
    for gateway in [0, 1] {
        assert_eq!(stage.translated(gateway, EIP), Some(lab::HAVIP.to_string()));
    }
    assert_eq!(stage.waiting_for("web").unwrap(), Vec::<String>::new());

    stage.cluster.part(GW_2).pause().unwrap();
    let (_, answer) = meanwhile(&stage, "unbind web -o json", |stage| {
        stage.wait_state("web", "UNASSOCIATING")?;
        stage.wait_translated(0, EIP, None)?;
        assert_eq!(stage.waiting_for("web")?, ["gw-2"]);
        assert_eq!(stage.translated(1, EIP), Some(lab::HAVIP.to_string()), "nobody took it out");
        let held = stage.cluster.refuse("eip release web")?;
        assert_eq!(held.reason, "EIP_IN_TRANSITION");
        // The other gateway goes on, also with what is new.
        let waits = stage.cluster.refuse("bind two back --wait --timeout 1")?;
        assert_eq!(waits.exit, 4, "{waits:?}");
        stage.wait_translated(0, EIP_2, Some(lab::HAVIP_2))?;
        assert_eq!(stage.waiting_for("two")?, ["gw-2"]);
        Ok(())
    })
    .unwrap();
    let refusal = answer.refusal().unwrap();
    assert_eq!((refusal.exit, refusal.reason.as_str()), (4, "STILL_UNDER_WAY"), "{refusal:?}");
    assert!(refusal.message.contains("gw-2: has followed the log to"), "{refusal:?}");
    assert!(!refusal.message.contains("gw-1"), "{refusal:?}");

    stage.cluster.part(GW_2).resume().unwrap();
    stage.wait_state("web", "AVAILABLE").unwrap();
    stage.wait_translated(1, EIP, None).unwrap();
    stage.wait_translated(1, EIP_2, Some(lab::HAVIP_2)).unwrap();

    // The same with one that was killed, and starts again.
    stage.cluster.part_mut(GW_2).kill9().unwrap();
    let waits = stage.cluster.refuse("unbind two --timeout 1").unwrap();
    assert_eq!(waits.exit, 4, "{waits:?}");
    assert_eq!(stage.waiting_for("two").unwrap(), ["gw-2"]);
    assert_eq!(stage.translated(1, EIP_2), Some(lab::HAVIP_2.to_string()), "its rules stay");
    stage.cluster.part_mut(GW_2).restart().unwrap();
    stage.wait_state("two", "AVAILABLE").unwrap();
    assert_eq!(stage.translated(1, EIP_2), None);
    stage.wait_agree().unwrap();
}
