//! Unbind, and bind elsewhere: at once, and without a trace.

use std::net::{IpAddr, SocketAddrV4};

use anyhow::{Result, ensure};
use mooring_tests::{
    lab,
    probe::{Mode, TcpFlow, TcpServer, UdpEcho, ping, udp_ask},
};

use crate::carried::{Carried, EIP, EIP_2, PORT, SHORT, SOON, tell};

fn after_an_unbind_an_established_flow_is_dead_at_once(net: &mut Carried) -> Result<()> {
    let address = SocketAddrV4::new(lab::HAVIP, PORT);
    let _server = TcpServer::start(&net.lab.vm_a, address, "vm-a", Mode::Echo)?;
    let flow = TcpFlow::start(&net.lab.client, lab::CLIENT, SocketAddrV4::new(EIP, PORT), SOON)?;
    flow.wait_progress(SOON)?;
    net.desired.nat.remove(&IpAddr::V4(EIP));
    net.reconcile()?;
    flow.expect_dead(SHORT * 3)?;
    ensure!(ping(&net.lab.client, lab::CLIENT, EIP, 56, SHORT).is_err(), "the EIP still answers");
    Ok(())
}

fn after_an_unbind_there_is_no_trace(net: &mut Carried) -> Result<()> {
    net.desired.nat.remove(&IpAddr::V4(EIP));
    net.desired.holders.remove(&IpAddr::V4(lab::HAVIP));
    net.reconcile()?;
    let gateway = &net.lab.gateway;
    for command in ["nft list ruleset", "ip route show table local", "ip neigh show nud permanent"] {
        // The pool's block stays, and happens to begin with the EIP.
        let text = gateway.output(command)?.replace(lab::EIP_POOL, "");
        for trace in [EIP, lab::HAVIP] {
            ensure!(!text.contains(&trace.to_string()), "{trace} in `{command}`:\n{text}");
        }
    }
    Ok(())
}

fn an_eip_bound_to_another_havip_answers_there(net: &mut Carried) -> Result<()> {
    net.lab.vm_b.ip(&format!("address add {}/32 dev eth0", lab::HAVIP_2))?;
    let _on_b = UdpEcho::start(&net.lab.vm_b, SocketAddrV4::new(lab::HAVIP_2, PORT), "vm-b")?;
    net.desired.nat.remove(&IpAddr::V4(EIP_2));
    net.desired.nat.insert(EIP.into(), lab::HAVIP_2.into());
    net.desired.holders.insert(lab::HAVIP_2.into(), Some(lab::MAC_B.parse()?));
    net.reconcile()?;
    let answer = udp_ask(&net.lab.client, lab::CLIENT, SocketAddrV4::new(EIP, PORT), b"who", SOON)?;
    ensure!(answer.server == "vm-b", "{} answered", answer.server);
    ensure!(ping(&net.lab.vm_a, lab::HAVIP, lab::CLIENT, 56, SHORT).is_err(), "the old HAVIP still leaves");
    Ok(())
}

/// The ruleset made anew, over and over, under traffic: not one packet is lost or leaves untranslated.
fn making_the_ruleset_anew_loses_no_packet(net: &mut Carried) -> Result<()> {
    use mooring_dataplane::Driver as _;
    use mooring_domain::nat::{Actual, diff};
    let _server = UdpEcho::start(&net.lab.vm_a, SocketAddrV4::new(lab::HAVIP, PORT), "vm-a")?;
    let lane = mooring_tests::probe::Lane { from: lab::CLIENT, to: SocketAddrV4::new(EIP, PORT) };
    let prober = mooring_tests::probe::Prober::start(&net.lab.client, &[lane])?;
    prober.wait_answered(Some("vm-a"), SOON)?;
    let pools = [lab::EIP_POOL.parse()?].into();
    for _ in 0..100 {
        let actual = Actual { ruleset: false, ..net.kernel.read()? };
        net.kernel.apply(&diff(&net.desired, &pools, &actual))?;
        udp_ask(&net.lab.client, lab::CLIENT, SocketAddrV4::new(EIP, PORT), b"still there", SOON)?;
    }
    let outage = prober.finish().remove(0);
    ensure!(outage.lost == 0, "{outage:?}");
    Ok(())
}

#[test]
fn established_flow() {
    tell(after_an_unbind_an_established_flow_is_dead_at_once);
}

#[test]
fn no_trace() {
    tell(after_an_unbind_there_is_no_trace);
}

#[test]
fn bound_elsewhere() {
    tell(an_eip_bound_to_another_havip_answers_there);
}

#[test]
fn made_anew_under_traffic() {
    tell(making_the_ruleset_anew_loses_no_packet);
}
