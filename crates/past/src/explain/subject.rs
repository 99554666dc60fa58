//! What is asked about: an address, and what it is.

use std::net::{IpAddr, Ipv4Addr};

use mooring_domain::{
    Rejection,
    binding::Binding,
    event::{EipDescribed, EipFacts, HavipCreated},
    id::VpcId,
    resource::{AddressOwner, Entry, Facts},
};
use mooring_proto::dataplane::v1::{Detail, ExplainRequest};

use super::fact;
use crate::{
    Folded, time,
    trace::{asked, name_of},
};

/// An address of the region.
pub(super) struct Subject<'a> {
    pub(super) address: Ipv4Addr,
    /// One sentence.
    pub(super) what: String,
    pub(super) vpc: Option<VpcId>,
    pub(super) eip: Option<&'a Entry<EipDescribed>>,
    pub(super) havip: Option<&'a Entry<HavipCreated>>,
    /// The binding of both.
    pub(super) binding: Option<&'a Binding>,
    /// Where packets to it are sent.
    pub(super) reached: Ipv4Addr,
    /// From where packets of its leave; none for an EIP that fronts nothing.
    pub(super) sends: Option<Ipv4Addr>,
}

impl<'a> Subject<'a> {
    pub(super) fn find(folded: &'a Folded, request: &ExplainRequest) -> Result<Self, Rejection> {
        let what = request.what.as_str();
        if what.parse::<IpAddr>().is_ok() {
            return Self::at(folded, asked::address("what", what)?, &request.vpc);
        }
        let last = what.rsplit('/').next().unwrap_or(what);
        let full = |name: String| what != last && name == what;
        let mut found: Vec<(&str, IpAddr, String, Option<VpcId>)> = Vec::new();
        let is_it = |name: String, id: String, label: &str, project: &str| {
            full(name)
                || what == id
                || (what == label && (request.project.is_empty() || request.project == project))
        };
        for eip in folded.resource.eips().iter() {
            let EipFacts { id, display_name, project, address, .. } = &eip.facts.eip;
            if is_it(eip.facts.name(), id.to_string(), display_name.as_str(), project.as_str()) {
                found.push(("EIP", *address, eip.facts.name(), None));
            }
        }
        for havip in folded.resource.havips().iter() {
            let facts = &havip.facts.havip;
            let (label, project) = (facts.display_name.as_str(), facts.project.as_str());
            if is_it(havip.facts.name(), facts.id.to_string(), label, project) {
                found.push(("HAVIP", facts.address, havip.facts.name(), Some(facts.vpc)));
            }
        }
        match &found[..] {
            [] => Err(Rejection::not_found("what", format!("an EIP or HAVIP called {what:?}"))),
            [(_, address, _, vpc)] => {
                let vpc = vpc.map(|vpc| vpc.to_string()).unwrap_or_default();
                Self::at(folded, asked::address("what", &address.to_string())?, &vpc)
            }
            several => {
                let names = several.iter().map(|(kind, _, name, _)| format!("{kind} {name}"));
                let names = names.collect::<Vec<_>>().join(", ");
                let message = format!("which one? {what:?} may be {names}");
                Err(Rejection::precondition("AMBIGUOUS", "what", message).because_of(names))
            }
        }
    }

    fn at(folded: &'a Folded, address: Ipv4Addr, vpc: &str) -> Result<Self, Rejection> {
        if let Some(eip) = folded.resource.eip_at(address.into()) {
            return Ok(Self::eip(folded, address, eip));
        }
        let private = folded.desired.vpcs.values().any(|of| asked::contains(of.subnets.iter(), address));
        if !private && asked::in_pools(folded, address) {
            let only = folded.desired.vpcs.keys().next().filter(|_| folded.desired.vpcs.len() == 1);
            let what = format!("{address} is of a pool, and allocated to nobody");
            return Ok(Self { vpc: only.copied(), ..Self::nothing(address, what) });
        }
        if !private {
            return Err(Rejection::not_found(
                "what",
                format!("{address} in any subnet or pool of this region, and so it"),
            ));
        }
        let (vpc, _) = asked::vpc(folded, vpc, (address, address))?;
        Ok(Self::private(folded, address, vpc))
    }

    fn nothing(address: Ipv4Addr, what: String) -> Self {
        let (vpc, eip, havip, binding) = (None, None, None, None);
        Self { address, what, vpc, eip, havip, binding, reached: address, sends: None }
    }

    fn eip(folded: &'a Folded, address: Ipv4Addr, eip: &'a Entry<EipDescribed>) -> Self {
        let EipFacts { display_name, project, id, .. } = &eip.facts.eip;
        let binding = folded.binding.of_eip(project, *id);
        let havip = binding.and_then(|binding| folded.resource.havips().get(binding.request.havip));
        let only = folded.desired.vpcs.keys().next().filter(|_| folded.desired.vpcs.len() == 1).copied();
        let sends = havip.and_then(|havip| v4(havip.facts.havip.address));
        Self {
            vpc: havip.map(|havip| havip.facts.havip.vpc).or(only),
            eip: Some(eip),
            havip,
            binding,
            sends,
            ..Self::nothing(address, format!("{address} is the EIP {display_name} of project {project}"))
        }
    }

    fn private(folded: &'a Folded, address: Ipv4Addr, vpc: VpcId) -> Self {
        let label = folded.desired.vpcs.get(&vpc).map(|vpc| vpc.display_name.to_string()).unwrap_or_default();
        let of = |what: String| {
            let nothing = Self::nothing(address, format!("{address} is {what} in VPC {label}"));
            Self { vpc: Some(vpc), sends: Some(address), ..nothing }
        };
        match folded.resource.address_owner(vpc, address.into()) {
            Some(AddressOwner::Havip(id)) => {
                let havip = folded.resource.havips().get(id);
                let binding = havip.and_then(|havip| folded.binding.of_havip(&havip.facts.havip.project, id));
                let eip = binding.and_then(|binding| folded.resource.eips().get(binding.request.eip));
                let name = havip.map(|havip| havip.facts.havip.display_name.to_string()).unwrap_or_default();
                let reached = eip.and_then(|eip| v4(eip.facts.eip.address)).unwrap_or(address);
                Self { havip, binding, eip, reached, ..of(format!("the HAVIP {name}")) }
            }
            Some(AddressOwner::Vnic(id)) => {
                let vnic = folded.resource.vnics().get(id);
                let name = vnic.map(|vnic| vnic.facts.vnic.instance.to_string()).unwrap_or_default();
                of(format!("the own address of instance {name}"))
            }
            None if folded.resource.subnets().iter().any(|subnet| {
                subnet.facts.vpc == vpc && subnet.facts.gateway_address == IpAddr::V4(address)
            }) =>
            {
                of("the router's own address".to_owned())
            }
            None => of("nobody's address".to_owned()),
        }
    }

    /// What the log says of it.
    pub(super) fn facts(&self, folded: &Folded) -> Vec<Detail> {
        let mut facts = Vec::new();
        if let Some(eip) = self.eip {
            let EipFacts { display_name, project, address, .. } = &eip.facts.eip;
            let text = format!("the EIP {display_name} ({address}) was allocated to project {project}");
            facts.push(fact(text, Some(eip.at)));
        }
        if let Some(havip) = self.havip {
            let of = &havip.facts.havip;
            let members: Vec<_> = havip.facts.members.iter().map(|vnic| vnic.instance.as_str()).collect();
            let members = match (havip.facts.rules.whole_subnet, members.is_empty()) {
                (true, _) => "any vNIC of its subnet".to_owned(),
                (false, true) => "nobody".to_owned(),
                (false, false) => members.join(", "),
            };
            let vpc = name_of(folded, of.vpc);
            let text = format!(
                "the HAVIP {} ({}) was made in {vpc}; members: {members}",
                of.display_name, of.address
            );
            facts.push(fact(text, Some(havip.at)));
            facts.extend(holder(folded, havip));
        }
        if let Some(binding) = self.binding.filter(|binding| binding.facts().is_some()) {
            facts.push(fact(format!("binding {} has its state", binding.name()), Some(binding.at)));
        }
        facts
    }
}

fn holder(folded: &Folded, havip: &Entry<HavipCreated>) -> Option<Detail> {
    let holding = folded.holder.get(havip.facts.havip.id)?.holding.as_ref()?;
    let (vnic, claim) = (&holding.vnic, &holding.claim);
    let seen = time(claim.observed_at);
    let how = match holding.lease {
        None => format!("{} saw it announced at {seen}", claim.gateway),
        Some(lease) => format!("it said so over gRPC at {seen}, with a lease until {}", time(lease.ends)),
    };
    let text = format!("{} ({}) holds it: {how}", vnic.instance, vnic.mac);
    Some(fact(text, Some(holding.at)))
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}
