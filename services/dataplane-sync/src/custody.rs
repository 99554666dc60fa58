//! The custody API: the index says which events concern an address, and whatever stood behind it; only those are folded.

use mooring_domain::{Event, Position};
use mooring_ledger::index::{Entry, Term};
use mooring_past::{Custodian, CustodyAsked};
use mooring_proto::dataplane::v1::{
    ListCustodyRequest, ListCustodyResponse, custody_service_server::CustodyService,
};
use tonic::{Request, Response, Status};

use crate::{
    answer,
    events::{Source, source, unanswered},
    grpc::Dataplane,
};

/// Events that are read and folded at once.
const AT_ONCE: usize = 1_000;

/// The service; it looks at what the dataplane's has.
#[derive(Clone)]
pub(crate) struct Custodies(pub(crate) Dataplane);

#[tonic::async_trait]
impl CustodyService for Custodies {
    async fn list_custody(
        &self,
        request: Request<ListCustodyRequest>,
    ) -> Result<Response<ListCustodyResponse>, Status> {
        let request = request.get_ref();
        let (region, view) = self.0.view(&request.parent)?;
        let asked = CustodyAsked::parse(request, Some(&region))?;
        let (source, tail) = source(view).await?;
        let mut concerned = vec![Term::Address(asked.address)];
        concerned.extend(behind(&source, &asked, tail).await?);
        if let Some((project, label)) = asked.vpc_names() {
            concerned.push(Term::Named("vpcs", project.clone(), label.clone()));
        }
        let clauses = [concerned, Custodian::KINDS.map(Term::Kind).to_vec()];
        let times = source.index.at_times(None, asked.to).await.map_err(|error| unanswered(&error))?;
        let mut custodian = asked.custodian();
        fold(&source, &clauses, Entry::after(tail).min(times.end), |commit| custodian.commit(commit)).await?;
        Ok(Response::new(asked.answer(&custodian)?))
    }
}

/// The EIPs and HAVIPs that had the address, and the HAVIPs that those EIPs fronted.
async fn behind(source: &Source, asked: &CustodyAsked, tail: Position) -> Result<Vec<Term>, Status> {
    let (mut eips, mut all) = (Vec::new(), Vec::new());
    let beginnings = ["eip_allocated", "havip_created"].map(Term::Kind).to_vec();
    let clauses = [vec![Term::Address(asked.address)], beginnings];
    fold(source, &clauses, Entry::after(tail), |commit| {
        for event in &commit.events {
            match event {
                Event::EipAllocated(described) => eips.push(Term::Eip(described.eip.id)),
                Event::HavipCreated(created) => all.push(Term::Havip(created.havip.id)),
                _ => {}
            }
        }
    })
    .await?;
    if !eips.is_empty() {
        let clauses = [eips.clone(), vec![Term::Kind("bound")]];
        fold(source, &clauses, Entry::after(tail), |commit| {
            for event in &commit.events {
                if let Event::Bound(facts) = event {
                    all.push(Term::Havip(facts.havip.id));
                }
            }
        })
        .await?;
    }
    all.extend(eips);
    let mut seen = std::collections::HashSet::new();
    all.retain(|term| seen.insert(term.clone()));
    Ok(all)
}

/// Reads the events that every clause asks for, in order, and hands on their commits with only those.
async fn fold(
    source: &Source,
    clauses: &[Vec<Term>],
    end: Entry,
    mut each: impl FnMut(&mooring_domain::Commit),
) -> Result<(), Status> {
    let mut next = Entry::default();
    loop {
        let entries = source.entries(clauses, next..end, AT_ONCE).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        next = Entry::after_commit(last.at);
        for (record, entries) in source.records(&entries).await? {
            for mut commit in answer::read(&record)? {
                let at = commit.at;
                let mut number = 0;
                commit.events.retain(|_| {
                    number += 1;
                    entries.binary_search(&Entry { at, event: number - 1 }).is_ok()
                });
                if !commit.events.is_empty() {
                    each(&commit);
                }
            }
        }
    }
}
