//! Why packets to and from an address go where they go, or what keeps them from it.

mod problems;
mod subject;

use std::net::{IpAddr, Ipv4Addr};

use mooring_domain::{
    CommitPosition, Rejection,
    id::VpcId,
    nat::walk::{Arrival, Content, Flows, Gateway, Make, Side, walk},
};
use mooring_proto::dataplane::v1::{Detail, ExplainRequest, ExplainResponse, Origin, PacketWalk};

use self::subject::Subject;
use crate::{
    Folded,
    trace::{Names, asked, origin, told},
};

/// Who the packets are from and to: addresses for documentation (RFC 5737), of which one at least is nobody's here.
const SOMEBODY: [Ipv4Addr; 3] =
    [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 1), Ipv4Addr::new(203, 0, 113, 1)];
const TTL: u8 = 64;

/// An answer, and the VPC that it is about, if it is about one.
pub struct Explained {
    /// Origins have their positions alone: [`crate::Commits`] knows the rest.
    pub answer: ExplainResponse,
    /// The VPC.
    pub vpc: Option<VpcId>,
    /// The HAVIP that it is, or that it is fronted by or fronts.
    pub havip: Option<IpAddr>,
}

/// What the log of that moment says about it.
pub fn explain(folded: &Folded, request: &ExplainRequest) -> Result<Explained, Rejection> {
    let subject = Subject::find(folded, request)?;
    let settings = request.gateway.clone().unwrap_or_default();
    let (vpc, havip) = (subject.vpc, subject.havip.map(|havip| havip.facts.havip.address));
    let mut answer = ExplainResponse {
        folded: folded.last.as_ref().map(origin::of_last),
        address: subject.address.to_string(),
        what: subject.what.clone(),
        facts: subject.facts(folded),
        problems: problems::of(folded, &subject),
        ..ExplainResponse::default()
    };
    if let Some((vpc, desired)) = vpc.and_then(|vpc| Some((vpc, folded.desired.vpcs.get(&vpc)?))) {
        let gateway = asked::gateway(folded, vpc, desired, &settings)?;
        let way = Way { folded, vpc, gateway };
        let somebody = SOMEBODY.into_iter().find(|address| {
            !asked::contains(desired.subnets.iter(), *address) && !asked::in_pools(folded, *address)
        });
        let somebody = somebody.unwrap_or(SOMEBODY[0]);
        answer.to = way.walk(Side::Outside, somebody, subject.reached);
        answer.from = subject.sends.and_then(|from| way.walk(Side::Inside, from, somebody));
    }
    Ok(Explained { answer, vpc, havip })
}

/// A gateway that is up to the fold.
struct Way<'a> {
    folded: &'a Folded,
    vpc: VpcId,
    gateway: Gateway,
}

impl Way<'_> {
    fn walk(&self, side: Side, source: Ipv4Addr, destination: Ipv4Addr) -> Option<PacketWalk> {
        let desired = self.folded.desired.vpcs.get(&self.vpc)?;
        let mac = asked::mac_of(self.folded, self.vpc, desired, source).unwrap_or(asked::SOMEBODY);
        let make = Make { source, destination, content: Content::Echo, ttl: TTL, length: None, whole: false };
        let arrival = Arrival { side, mac, packet: make.packet().ok()? };
        let walked = walk(&self.gateway, &mut Flows::default(), &arrival);
        let telling = told::Telling { folded: self.folded, vpc: self.vpc };
        Some(telling.walk(Some(&arrival), &arrival.packet, &walked))
    }
}

fn fact(text: String, at: Option<CommitPosition>) -> Detail {
    Detail { text, origin: at.map(origin::at) }
}

impl Names for ExplainResponse {
    fn origins(&mut self) -> Vec<&mut Origin> {
        let facts = self.facts.iter_mut().filter_map(|fact| fact.origin.as_mut());
        let problems = self.problems.iter_mut().filter_map(|problem| problem.origin.as_mut());
        let walks = self.to.iter_mut().chain(&mut self.from).flat_map(Names::origins);
        facts.chain(problems).chain(walks).collect()
    }
}
