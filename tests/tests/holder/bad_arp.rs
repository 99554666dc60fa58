//! ARP that is no claim: broken, forged, or about somebody else. Anybody on the segment can send it, and nothing comes of it.

use std::net::Ipv4Addr;

use mooring_tests::{
    figures::seed,
    lab,
    probe::{ArpFrame, mac_bytes, send_frames},
};

use crate::stage::*;

/// Where ARP begins behind the Ethernet header.
const ARP: usize = 14;
/// The sender's MAC in ARP.
const SENDER: std::ops::Range<usize> = 22..28;
const WHOLE: usize = 42;
/// Addresses that are no HAVIP, the gateway's own first.
const OTHERS: [[u8; 4]; 7] =
    [[10, 0, 1, 1], [10, 0, 1, 51], [10, 0, 1, 12], [203, 0, 113, 70], [0; 4], [255; 4], [127, 0, 0, 1]];

/// To the gateway alone: what is forged is not to mislead the laboratory's own hosts.
fn to_the_gateway(mut frame: Vec<u8>) -> Vec<u8> {
    frame[..6].copy_from_slice(&mac_bytes(lab::MAC_GATEWAY).unwrap());
    frame
}

/// What one with this MAC can send that is no claim of the HAVIP.
fn no_claims(mac: [u8; 6]) -> Vec<Vec<u8>> {
    let claim = ArpFrame::gratuitous(mac, lab::HAVIP);
    let reply = ArpFrame { operation: 2, ..claim };
    let mut frames = Vec::new();
    for whole in [claim.bytes(), reply.bytes()] {
        frames.extend((ARP..WHOLE).map(|length| whole[..length].to_vec()));
        // Not Ethernet, not IPv4, and addresses of other lengths.
        for at in ARP..ARP + 6 {
            for other in [0, 3, 5, 7, 0xff] {
                let mut frame = whole.clone();
                frame[at] = if frame[at] == other { 9 } else { other };
                frames.push(frame);
            }
        }
        let own = mac_bytes(lab::MAC_GATEWAY).unwrap();
        for forged in [[0xff; 6], [1, 0, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1], [0; 6], own] {
            let mut frame = whole.clone();
            frame[SENDER].copy_from_slice(&forged);
            frames.push(frame);
        }
    }
    // Kinds that say nothing of who has an address, and questions.
    let kinds = [0].into_iter().chain(3..=25).chain([255]);
    frames.extend(kinds.map(|operation| ArpFrame { operation, ..claim }.bytes()));
    let own_address = if mac == mac_bytes(lab::MAC_B).unwrap() { lab::VM_B } else { lab::HOST_C };
    for (sender, target) in
        [(own_address, lab::HAVIP), (lab::HAVIP, lab::GATEWAY_INSIDE), (Ipv4Addr::UNSPECIFIED, lab::HAVIP)]
    {
        frames.push(ArpFrame { sender, target, ..claim }.bytes());
    }
    for other in OTHERS.map(Ipv4Addr::from) {
        frames.push(ArpFrame::gratuitous(mac, other).bytes());
        frames.push(ArpFrame { operation: 2, sender: other, target: lab::HAVIP, mac }.bytes());
    }
    frames
}

/// Of any length and with any bytes behind what makes it ARP.
fn noise(mac: [u8; 6], seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let header = [&[0xff; 6][..], &mac, &[8, 6]].concat();
    let mut frame = || {
        let body: Vec<u8> = (0..random.usize(..80)).map(|_| random.u8(..)).collect();
        [&header[..], &body].concat()
    };
    (0..count).map(|_| frame()).collect()
}

#[test]
fn what_is_no_claim_moves_nothing_and_the_next_claim_counts() {
    let stage = Stage::carrying().unwrap();
    let (tables, pid) = (stage.nat_table().unwrap(), stage.server.pid());
    let seed = seed("noise");
    for vm in [&stage.lab.vm_b, &stage.lab.host_c] {
        let mut frames = no_claims(mac_of(vm));
        frames.extend(noise(mac_of(vm), seed, 1000));
        send_frames(vm, &frames.into_iter().map(to_the_gateway).collect::<Vec<_>>()).unwrap();
    }
    stage.wait_carried("vm-a").unwrap();

    // It comes behind all of them. What one of them had moved would be in the log.
    stage.leave(&stage.lab.vm_a, lab::HAVIP).unwrap();
    stage.take(&stage.lab.vm_b, lab::HAVIP).unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
    assert_eq!(stage.count("holder_changed").unwrap(), 2);
    assert_eq!(stage.count("claim_rejected").unwrap(), 0, "{:?}", stage.server.events());
    assert_eq!(stage.nat_table().unwrap(), tables, "F1");
    assert_eq!(stage.server.pid(), pid);
    stage.wait_agree().unwrap();
}

#[test]
fn claims_longer_than_they_need_to_be_and_of_either_kind_count() {
    let stage = Stage::carrying().unwrap();
    let claim = ArpFrame::gratuitous(mac_of(&stage.lab.vm_b), lab::HAVIP);
    stage.have(&stage.lab.vm_b, lab::HAVIP).unwrap();
    stage.leave(&stage.lab.vm_a, lab::HAVIP).unwrap();
    // A switch pads a frame to 60 bytes, and some pad with whatever they had.
    let padded = [claim.bytes(), vec![0xa5; 18]].concat();
    send_frames(&stage.lab.vm_b, &[to_the_gateway(padded)]).unwrap();
    stage.wait_carried("vm-b").unwrap();
    stage.wait_holder("front", "vm-b").unwrap();
}
