//! ARP for IPv4 over Ethernet, as bytes behind the Ethernet header: what we send, and what counts as a claim.

use std::net::Ipv4Addr;

use mooring_domain::{address::Mac, holder::Said};

/// Everybody on a link.
pub(crate) const BROADCAST: Mac = Mac([0xff; 6]);
const NOBODY: Mac = Mac([0; 6]);
/// Ethernet, IPv4, six bytes and four bytes.
const HEADER: [u8; 6] = [0, 1, 8, 0, 6, 4];
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
/// Bytes of such a message.
pub(crate) const LENGTH: usize = 28;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arp {
    operation: u16,
    sender_mac: Mac,
    sender: Ipv4Addr,
    target_mac: Mac,
    target: Ipv4Addr,
}

impl Arp {
    /// "Who has `target`? Tell `sender`."
    pub(crate) fn question(sender_mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self { operation: REQUEST, sender_mac, sender, target_mac: NOBODY, target }
    }

    /// "Does anybody use `target`?" It comes from no address: nobody takes it for a word on who has one.
    pub(crate) fn probe(sender_mac: Mac, target: Ipv4Addr) -> Self {
        Self::question(sender_mac, Ipv4Addr::UNSPECIFIED, target)
    }

    /// Who uses which address, if this answers a probe of `own`'s. It claims nothing: whoever kept an address says so when
    /// it is asked, and the one that announced it meanwhile is the holder.
    pub(crate) fn answers_probe(&self, own: Mac) -> Option<(Ipv4Addr, Mac)> {
        let to_prober = self.target_mac == own && self.target.is_unspecified();
        (self.operation == REPLY && to_prober).then_some((self.sender, self.sender_mac))
    }

    /// "`address` is at `mac`", unasked, in both forms: some believe only the one, some only the other.
    pub(crate) fn announcement(mac: Mac, address: Ipv4Addr) -> [Self; 2] {
        let request = Self::question(mac, address, address);
        [request, Self { operation: REPLY, target_mac: BROADCAST, ..request }]
    }

    /// Who announces which address by this message, if it is a claim: a reply, or a request by which an address asks
    /// for itself. What no interface can send is none.
    pub(crate) fn claim(&self) -> Option<(Ipv4Addr, Mac)> {
        let announces = self.operation == REPLY || (self.operation == REQUEST && self.sender == self.target);
        let possible = self.sender_mac.is_unicast() && !self.sender.is_unspecified();
        (announces && possible).then_some((self.sender, self.sender_mac))
    }

    /// Whether a claim was asked for: it is told to whoever has another address.
    pub(crate) fn said(&self) -> Said {
        let answers = self.operation == REPLY && self.target != self.sender;
        if answers { Said::Answered } else { Said::Announced }
    }

    /// The message's bytes.
    pub(crate) fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..6].copy_from_slice(&HEADER);
        bytes[6..8].copy_from_slice(&self.operation.to_be_bytes());
        bytes[8..14].copy_from_slice(&self.sender_mac.0);
        bytes[14..18].copy_from_slice(&self.sender.octets());
        bytes[18..24].copy_from_slice(&self.target_mac.0);
        bytes[24..].copy_from_slice(&self.target.octets());
        bytes
    }

    /// The message in these bytes; what follows it (padding) is ignored.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.first_chunk()?;
        let mac = |at: usize| Some(Mac(bytes.get(at..at + 6)?.try_into().ok()?));
        let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?));
        if bytes[..6] != HEADER {
            return None;
        }
        Some(Self {
            operation: u16::from_be_bytes([bytes[6], bytes[7]]),
            sender_mac: mac(8)?,
            sender: address(14)?,
            target_mac: mac(18)?,
            target: address(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
    const HAVIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
    const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

    #[test]
    fn what_is_sent_is_read_back() {
        for arp in Arp::announcement(VM, HAVIP) {
            assert_eq!(Arp::parse(&arp.bytes()), Some(arp));
        }
    }

    #[test]
    fn both_forms_of_an_announcement_are_claims() {
        for arp in Arp::announcement(VM, HAVIP) {
            assert_eq!((arp.claim(), arp.said()), (Some((HAVIP, VM)), Said::Announced));
        }
    }

    #[test]
    fn the_answer_to_a_question_is_a_claim_and_the_question_is_none() {
        let question = Arp::question(VM, HAVIP, GATEWAY);
        assert_eq!(question.claim(), None);
        let answer = Arp { operation: REPLY, ..question };
        assert_eq!((answer.claim(), answer.said()), (Some((HAVIP, VM)), Said::Answered));
    }

    #[test]
    fn only_the_answer_to_an_own_probe_is_one() {
        const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
        let probe = Arp::probe(OWN, HAVIP);
        assert_eq!((probe.claim(), probe.answers_probe(OWN)), (None, None));
        let answer = Arp {
            operation: REPLY,
            sender_mac: VM,
            sender: HAVIP,
            target_mac: OWN,
            target: Ipv4Addr::UNSPECIFIED,
        };
        assert_eq!(answer.answers_probe(OWN), Some((HAVIP, VM)));
        assert_eq!(answer.answers_probe(VM), None, "somebody else's probe");
        assert_eq!(Arp { target: GATEWAY, ..answer }.answers_probe(OWN), None, "a question");
        for arp in Arp::announcement(VM, HAVIP) {
            assert_eq!(arp.answers_probe(OWN), None);
        }
    }

    #[test]
    fn what_no_interface_can_send_is_no_claim() {
        for mac in [BROADCAST, NOBODY, Mac([1, 0, 0x5e, 0, 0, 1])] {
            assert_eq!(Arp::announcement(mac, HAVIP)[0].claim(), None, "from {mac}");
        }
        assert_eq!(Arp::announcement(VM, Ipv4Addr::UNSPECIFIED)[0].claim(), None);
    }

    #[test]
    fn what_is_not_ethernet_and_ipv4_or_is_cut_off_is_not_read() {
        let whole = Arp::question(VM, HAVIP, GATEWAY).bytes();
        for end in 0..LENGTH {
            assert_eq!(Arp::parse(&whole[..end]), None, "{end} bytes");
        }
        for at in 0..HEADER.len() {
            let mut other = whole;
            other[at] ^= 0x55;
            assert_eq!(Arp::parse(&other), None, "byte {at} changed");
        }
    }
}
