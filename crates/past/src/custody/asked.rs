//! What is asked about custody: read from the API's request, and answered from what was folded.

use std::net::IpAddr;

use mooring_domain::{
    Rejection, Timestamp,
    id::{Vpc, VpcId},
    name::{Label, ProjectId, RegionId, parse_scoped},
};
use mooring_proto::{
    dataplane::v1::{ListCustodyRequest, ListCustodyResponse},
    page,
    status::{bad_field, bad_name, from_rejection},
    together::together,
};
use tonic::Status;

use super::{Custodian, OfVpc, Span};

/// A question that says nothing wrong.
#[derive(Clone, Debug)]
pub struct CustodyAsked {
    /// The address.
    pub address: IpAddr,
    vpc: Option<OfVpc>,
    from: Timestamp,
    /// As it was known then.
    pub to: Option<Timestamp>,
    limit: usize,
    skip: usize,
}

impl CustodyAsked {
    /// Reads the API's request, for a log of this region.
    ///
    /// # Errors
    /// INVALID_ARGUMENT, with the field and its rule.
    pub fn parse(asked: &ListCustodyRequest, region: Option<&RegionId>) -> Result<Self, Status> {
        let address = asked
            .address
            .parse::<IpAddr>()
            .map_err(|_| bad_field("address", format!("{:?} is no IP address", asked.address)));
        let (from, to) = (Timestamp(asked.recorded_from), Timestamp(asked.recorded_to));
        let to = (to.0 > 0).then_some(to);
        if to.is_some_and(|to| from > to) {
            return Err(bad_field("recorded_to", "must not be before recorded_from"));
        }
        let skip = match &*asked.page_token {
            "" => Ok(0),
            token => token.parse().map_err(|_| bad_field("page_token", "is no token of this list")),
        };
        let (address, vpc, limit, skip) =
            together((address, vpc(&asked.vpc, region), page::limit(asked.page_size), skip))?;
        Ok(Self { address, vpc, from, to, limit, skip })
    }

    /// The fold that answers it.
    pub fn custodian(&self) -> Custodian {
        Custodian::new(self.address, self.vpc.clone(), self.to)
    }

    /// The names of the VPC that is asked about.
    pub fn vpc_names(&self) -> Option<(&ProjectId, &Label)> {
        self.vpc.as_ref().and_then(|vpc| Some((&vpc.project, vpc.label.as_ref()?)))
    }

    /// A page of what was folded.
    ///
    /// # Errors
    /// NOT_FOUND: nothing in the log had the address, or no VPC the name.
    pub fn answer(&self, custodian: &Custodian) -> Result<ListCustodyResponse, Status> {
        if custodian.vpc.as_ref().is_some_and(|vpc| vpc.ids.is_empty()) {
            return Err(unknown("vpc", "no event of the log is about such a VPC"));
        }
        if custodian.spans.is_empty() {
            let within = if self.vpc.is_some() { " in that VPC" } else { "" };
            let ever = if self.to.is_some() { "up to then had" } else { "ever had" };
            let what = format!("nothing in the log {ever} the address {}{within}", self.address);
            return Err(unknown("address", &what));
        }
        let asked = |span: &&Span| span.ended.as_ref().is_none_or(|ended| ended.recorded_at > self.from);
        let mut spans = custodian.spans.iter().filter(asked).skip(self.skip);
        let custody = spans.by_ref().take(self.limit).map(Span::told).collect();
        let more = spans.next().is_some();
        let next_page_token = if more { (self.skip + self.limit).to_string() } else { String::new() };
        Ok(ListCustodyResponse { custody, next_page_token })
    }
}

fn unknown(field: &'static str, what: &str) -> Status {
    from_rejection(&Rejection { message: what.to_owned(), ..Rejection::not_found(field, "") })
}

fn vpc(name: &str, region: Option<&RegionId>) -> Result<Option<OfVpc>, Status> {
    if name.is_empty() {
        return Ok(None);
    }
    let (scope, last) = parse_scoped::<Vpc>(name).map_err(bad_name("vpc"))?;
    if let Some(region) = region.filter(|region| **region != scope.region) {
        return Err(bad_field("vpc", format!("must be in region {region}, whose log is asked")));
    }
    let id = last.parse::<VpcId>().ok();
    let label = last.parse::<Label>().ok().filter(|_| id.is_none());
    Ok(Some(OfVpc { project: scope.project, label, ids: id.into_iter().collect() }))
}
