//! One VPC of the past, and the links that its rules are to stand between. It is read off the things that there were, so that
//! it is the same whoever tells of them.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use ipnet::IpNet;
use mooring_dataplane::Place;
use mooring_domain::{
    Position, id,
    id::VpcId,
    name::Name,
    nat::{Actual, VpcDesired, wanted},
};
use mooring_proto::{dataplane::v1::thing::Kind, resource::v1 as api};

use super::Past;
use crate::{failure::Failure, resolve::Argument};

/// Which VPC, and where it would live.
#[derive(Debug, Args)]
pub struct Chosen {
    /// With --as or --in-namespace: of this VPC (full name, id or display name) [default: the only one]
    #[arg(long, value_name = "VPC")]
    vpc: Option<String>,
    /// With --as or --in-namespace: the link towards the subnet
    #[arg(long, value_name = "LINK", default_value = "in0", value_parser = link)]
    inside: String,
    /// With --as or --in-namespace: the link towards the internet
    #[arg(long, value_name = "LINK", default_value = "out0", value_parser = link)]
    outside: String,
    /// With --as or --in-namespace: as where the operator's file says `hairpin`
    #[arg(long)]
    hairpin: bool,
}

/// A VPC as it was.
pub struct Vpc {
    /// Its full name.
    pub name: String,
    pub desired: VpcDesired,
    pub pools: BTreeSet<IpNet>,
    /// The routers' addresses, each with its subnet's prefix.
    pub routers: BTreeSet<IpNet>,
    pub place: Place,
}

impl Chosen {
    /// What was to be in the kernel of a gateway where this VPC lived.
    pub fn of(&self, past: &Past) -> Result<Vpc, Failure> {
        let found = self.find(past)?;
        let (inside, outside) = (self.inside.clone(), self.outside.clone());
        let place = Place { netns: None, inside, outside, arp: true, hairpin: self.hairpin };
        let name: Name<id::Vpc> = read(&found.name)?;
        let desired =
            VpcDesired::new(name.scope.project, read(&found.display_name)?, Position(past.moment.position));
        let (pools, routers) = (BTreeSet::new(), BTreeSet::new());
        let mut vpc = Vpc { name: found.name.clone(), desired, pools, routers, place };
        vpc.fill(past)?;
        Ok(vpc)
    }

    fn find<'a>(&self, past: &'a Past) -> Result<&'a api::Vpc, Failure> {
        let all = past.things.iter().filter_map(|thing| match &thing.kind {
            Some(Kind::Vpc(vpc)) => Some(vpc),
            _ => None,
        });
        let all: Vec<_> = all.collect();
        let has = names(&all);
        let argument = Argument::new("--vpc", self.vpc.as_deref().unwrap_or_default());
        let found: Vec<_> = match &self.vpc {
            Some(text) => all.into_iter().filter(|vpc| is_called(vpc, text)).collect(),
            None => all,
        };
        match (&found[..], &self.vpc) {
            ([vpc], _) => Ok(vpc),
            ([], Some(text)) if has.is_empty() => {
                Err(Failure::no_such(argument, &format!("there was no VPC {text} then, nor any other")))
            }
            ([], Some(text)) => {
                Err(Failure::no_such(argument, &format!("there was no VPC {text} then: there was {has}")))
            }
            ([], None) => Err(Failure::no_such(argument, "there was no VPC then")),
            (_, _) => Err(Failure::argument(argument, &format!("which VPC? There was {has}"))),
        }
    }
}

/// The names of some of them, each once.
fn names(all: &[&api::Vpc]) -> String {
    const SOME: usize = 10;
    let names: BTreeSet<&str> = all.iter().map(|vpc| vpc.display_name.as_str()).collect();
    let said = names.iter().take(SOME).copied().collect::<Vec<_>>().join(", ");
    let said = match names.len().saturating_sub(SOME) {
        0 => said,
        more => format!("{said} and {more} more"),
    };
    match all.len() {
        count if count > names.len() => {
            format!("{said}, {count} VPCs in all: full names and ids tell them apart")
        }
        _ => said,
    }
}

impl Vpc {
    /// What its kernel should have had.
    pub fn wanted(&self) -> Actual {
        wanted(&self.desired, &self.pools, self.place.arp)
    }

    /// With what there was in it.
    fn fill(&mut self, past: &Past) -> Result<(), Failure> {
        // Who holds a HAVIP says the HAVIP, not the VPC.
        let mut havips = BTreeMap::new();
        for kind in past.things.iter().filter_map(|thing| thing.kind.as_ref()) {
            match kind {
                Kind::Pool(pool) => {
                    for cidr in &pool.cidrs {
                        self.pools.insert(read(cidr)?);
                    }
                }
                Kind::Subnet(subnet) if subnet.vpc == self.name => {
                    let cidr: IpNet = read(&subnet.cidr)?;
                    self.desired.subnets.insert(cidr.trunc());
                    let router = IpNet::new(read(&subnet.gateway_address)?, cidr.prefix_len());
                    self.routers.extend(router.ok());
                }
                Kind::Havip(havip) if havip.vpc == self.name => {
                    havips.insert(havip.name.as_str(), read(&havip.address)?);
                }
                Kind::NatElement(element) if element.vpc == self.name => {
                    self.desired.nat.insert(read(&element.eip)?, read(&element.havip)?);
                }
                _ => {}
            }
        }
        self.desired.holders = havips.values().map(|address| (*address, None)).collect();
        for thing in &past.things {
            if let Some(Kind::Holder(holder)) = &thing.kind
                && !holder.mac.is_empty()
                && let Some(address) = havips.get(holder.havip.as_str())
            {
                self.desired.holders.insert(*address, Some(read(&holder.mac)?));
            }
        }
        Ok(())
    }
}

/// What a thing says of itself.
fn read<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::bad_answer(format!("{text:?} is not what should stand there")))
}

/// The name of a link, as the kernel takes it; no quote either, for it is printed between two.
fn link(text: &str) -> Result<String, String> {
    let fits = (1..=15).contains(&text.len()) && !matches!(text, "." | "..");
    match fits && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | '"' | ':' | '\\')) {
        true => Ok(text.to_owned()),
        false => {
            Err("expected the name of a link: 1 to 15 characters, none of them / : \" or a blank".to_owned())
        }
    }
}

fn is_called(vpc: &api::Vpc, text: &str) -> bool {
    let id = vpc.name.parse::<Name<id::Vpc>>().map(|name| name.id);
    vpc.display_name == text || vpc.name == text || id.is_ok_and(|id| text.parse::<VpcId>() == Ok(id))
}
