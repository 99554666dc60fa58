//! What the operator's own settings of a namespace, and the chains of others in it, would break.

mod foreign;

use std::fs;

use nix::net::if_::if_nametoindex;

use self::foreign::Passing;
use super::{channel::Channel, namespace};
use crate::{Fault, Place};

/// One sentence for each thing that keeps packets from passing. What cannot be read is no finding.
pub(super) fn look(channel: &mut Channel, place: &Place) -> Result<Vec<String>, Fault> {
    let (mut findings, inside, outside) = namespace::inside(place, || {
        // 0 is no link's: rules that name links by number do not match one that is not there.
        let index = |link: &str| if_nametoindex(link).unwrap_or(0);
        Ok((settings(place), index(&place.inside), index(&place.outside)))
    })?;
    let (inside, outside) = ((place.inside.as_str(), inside), (place.outside.as_str(), outside));
    let both = [Passing { from: outside, to: inside }, Passing { from: inside, to: outside }];
    findings.extend(foreign::look(channel, &both)?);
    Ok(findings)
}

/// The settings of the thread's namespace.
fn settings(place: &Place) -> Vec<String> {
    let mut findings = Vec::new();
    if setting("ip_forward") == Some(0) {
        let sentence = format!("net.ipv4.ip_forward is 0 in {}: no packet passes it", place.namespace());
        findings.push(sentence);
    }
    let strict = |link: &str| {
        let of = |link: &str| setting(&format!("conf/{link}/rp_filter")).unwrap_or(0);
        of(link).max(of("all")) == 1
    };
    if strict(&place.outside) {
        let link = &place.outside;
        findings.push(format!(
            "net.ipv4.conf.{link}.rp_filter is strict: an EIP is reached only from where the way back leads"
        ));
    }
    // From 1 on the kernel answers only for addresses that a link has; an EIP is a route and no link's.
    let ignore = |link: &str| setting(&format!("conf/{link}/arp_ignore")).unwrap_or(0);
    if place.arp && ignore(&place.outside).max(ignore("all")) > 0 {
        let link = &place.outside;
        findings.push(format!("net.ipv4.conf.{link}.arp_ignore is not 0: nobody answers ARP for EIPs"));
    }
    findings
}

/// A setting of the thread's namespace.
fn setting(name: &str) -> Option<u32> {
    fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok()?.trim().parse().ok()
}
