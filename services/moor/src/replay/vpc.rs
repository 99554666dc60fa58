//! One VPC of the past, and the links that its rules are to stand between.

use clap::Args;
use ipnet::IpNet;
use mooring_dataplane::Place;
use mooring_domain::{
    event::VpcCreated,
    id::VpcId,
    nat::{Actual, VpcDesired, wanted},
    resource::Facts,
};
use mooring_past::Folded;

use crate::{failure::Failure, invocation::Invocation, resolve::Argument};

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
pub struct Past<'a> {
    pub vpc: &'a VpcCreated,
    pub desired: VpcDesired,
    pub pools: std::collections::BTreeSet<IpNet>,
    pub place: Place,
}

impl Chosen {
    /// What was to be in the kernel of a gateway where this VPC lived.
    pub fn of<'a>(&self, folded: &'a Folded, moor: &Invocation) -> Result<Past<'a>, Failure> {
        let vpc = self.find(folded, moor)?;
        let desired = folded.desired.vpcs.get(&vpc.id).cloned();
        let desired = desired.ok_or_else(|| Failure::bad_answer("the fold has no such VPC"))?;
        let pools = folded.desired.pools.values().flatten().copied().collect();
        let (inside, outside) = (self.inside.clone(), self.outside.clone());
        let place = Place { netns: None, inside, outside, arp: true, hairpin: self.hairpin };
        Ok(Past { vpc, desired, pools, place })
    }

    fn find<'a>(&self, folded: &'a Folded, moor: &Invocation) -> Result<&'a VpcCreated, Failure> {
        let project = moor.home.project.as_ref();
        let all = folded.resource.vpcs().iter().map(|entry| &entry.facts);
        let mine: Vec<_> = all.filter(|vpc| project.is_none_or(|project| vpc.project == *project)).collect();
        let has = mine.iter().map(|vpc| vpc.display_name.as_str()).collect::<Vec<_>>().join(", ");
        let argument = Argument::new("--vpc", self.vpc.as_deref().unwrap_or_default());
        let found: Vec<_> = match &self.vpc {
            Some(text) => mine.into_iter().filter(|vpc| is_called(vpc, text)).collect(),
            None => mine,
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

fn is_called(vpc: &VpcCreated, text: &str) -> bool {
    vpc.display_name.as_str() == text
        || text.parse::<VpcId>().is_ok_and(|id| id == vpc.id)
        || vpc.name() == text
}

impl Past<'_> {
    /// What its kernel should have had.
    pub fn wanted(&self) -> Actual {
        wanted(&self.desired, &self.pools, self.place.arp)
    }
}
