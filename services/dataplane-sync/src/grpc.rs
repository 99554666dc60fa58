//! The dataplane API: where this gateway stands, and what the log says happened.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use futures::{Stream, StreamExt, TryStreamExt, future, stream};
use mooring_domain::{
    Position, Rejection,
    id::{self, VpcId},
    name::{GatewayName, Name, RegionId, Scope, parse_region},
    nat::VpcDesired,
};
use mooring_event_log::{EventLog, Filter, LogError, Record};
use mooring_ledger::{Refused, index::Index, to_log_position};
use mooring_proto::{
    dataplane::v1::{
        self as api, DropCount, DroppedClaimCount, GetStatusRequest, ListCommitsRequest, ListCommitsResponse,
        ListElementsRequest, VpcStatus, WatchCommitsRequest, WatchCommitsResponse,
        dataplane_service_server::DataplaneService,
    },
    page,
    status::{Unserved, bad_name, from_unserved},
    together::together,
};
use mooring_runtime::shutdown::Shutdown;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::{
    answer, elements, entered::Audit, fold::Folded, progress::Progress, target, vpcs::Vpcs,
    watch::DroppedClaims,
};

/// A page of commits ends with the chunk of records that brings it here, in bytes of events.
pub(crate) const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// Records read at once for a page.
const CHUNK: usize = 4;

/// One region on this gateway.
pub(crate) struct View {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) index: Index,
    pub(crate) folded: watch::Receiver<Folded>,
    pub(crate) vpcs: Vpcs,
}

#[derive(Clone)]
pub(crate) struct Dataplane {
    pub(crate) gateway: GatewayName,
    pub(crate) shutdown: Shutdown,
    pub(crate) views: Arc<BTreeMap<RegionId, View>>,
}

pub(crate) fn unserved(error: &LogError) -> Status {
    tracing::error!(%error, "the log can't be read");
    from_unserved(match error {
        LogError::Damaged(_) => Unserved::Damaged,
        LogError::Closed => Unserved::Closed,
        _ => Unserved::Unavailable,
    })
}

/// Records after a position: at most `limit`, and no more once they have [`PAGE_BYTES`].
async fn page_of(log: &dyn EventLog, after: Position, limit: usize) -> Result<Vec<Arc<Record>>, Status> {
    let (mut records, mut bytes, mut after) = (Vec::new(), 0, to_log_position(after));
    while records.len() < limit && bytes < PAGE_BYTES {
        let read = log.read(&Filter::All, after, (limit - records.len()).min(CHUNK)).await;
        let read = read.map_err(|error| unserved(&error))?;
        let Some(last) = read.last() else { break };
        after = last.position;
        bytes += read.iter().map(|record| answer::size(record)).sum::<usize>();
        records.extend(read);
    }
    Ok(records)
}

impl Dataplane {
    pub(crate) fn view(&self, parent: &str) -> Result<(RegionId, &View), Status> {
        let region = parse_region(parent).map_err(bad_name("parent"))?;
        let missing = || Refused::from(Rejection::not_found("parent", format!("{parent} on this gateway")));
        let view = self.views.get(&region).ok_or_else(missing)?;
        Ok((region, view))
    }

    /// Where the gateway stands in one region.
    pub(crate) async fn status(
        &self,
        region: &RegionId,
        view: &View,
        verify: bool,
    ) -> Result<api::Status, Status> {
        // The tail first: only what was there before the fold was looked at can be missing in it.
        let tail = view.log.tail().await.map_err(|error| unserved(&error))?;
        let folded = view.folded.borrow().clone();
        if let Some(failure) = &folded.failure {
            tracing::error!(failure, "status was asked for, but the log can't be followed");
            return Err(from_unserved(Unserved::Damaged));
        }
        let vpcs = folded.desired.vpcs.iter().map(async |(vpc, desired)| {
            let audit = view.vpcs.audit(*vpc, verify).await;
            let progress = view.vpcs.progress().remove(vpc).unwrap_or_default();
            let applied = progress.equal_to(target::version(&folded, desired), folded.desired.position);
            let claims_dropped = dropped_claims(&view.vpcs.dropped_claims(*vpc));
            let contested = folded.observed.contested(*vpc).map(|havip| havip.to_string()).collect();
            let status = vpc_status(region, *vpc, desired, (progress, applied), audit);
            let probing = view.vpcs.probed(*vpc).shown().map(answer::probing);
            VpcStatus { claims_dropped, contested, probing, ..status }
        });
        let vpcs = future::join_all(vpcs).await;
        Ok(api::Status {
            gateway: format!("regions/{region}/gateways/{}", self.gateway),
            tail: tail.position.0,
            folded_position: folded.desired.position.0,
            vpcs,
        })
    }
}

fn vpc_status(
    region: &RegionId,
    vpc: VpcId,
    desired: &VpcDesired,
    (progress, applied): (Progress, Position),
    audit: Audit,
) -> VpcStatus {
    let scope = Scope { project: desired.project.clone(), region: region.clone() };
    let drop_count = |(reason, packets): (mooring_dataplane::DropReason, u64)| DropCount {
        reason: reason.word().to_owned(),
        packets,
    };
    VpcStatus {
        vpc: Name::<id::Vpc> { scope, id: vpc }.to_string(),
        display_name: desired.display_name.to_string(),
        netns: progress.netns,
        applied_position: applied.0,
        bindings: desired.nat.len() as u64,
        fault: progress.fault.unwrap_or_default(),
        differences: audit.differences,
        drops: audit.drops.into_iter().map(drop_count).collect(),
        warnings: audit.warnings,
        attested: progress.attested.iter().map(answer::attested).collect(),
        drifts: progress.drifts,
        read_back_at: progress.read_back_at.map_or(0, |at| at.0),
        provisional: progress.provisional.iter().map(answer::provisional).collect(),
        ..VpcStatus::default()
    }
}

fn dropped_claims(dropped: &DroppedClaims) -> Vec<DroppedClaimCount> {
    let count = |(reason, claims): (&str, u64)| DroppedClaimCount { reason: reason.to_owned(), claims };
    dropped.all().map(count).collect()
}

#[tonic::async_trait]
impl DataplaneService for Dataplane {
    async fn get_status(&self, request: Request<GetStatusRequest>) -> Result<Response<api::Status>, Status> {
        let request = request.get_ref();
        let (region, view) = self.view(&request.parent)?;
        Ok(Response::new(self.status(&region, view, request.verify).await?))
    }

    type ListElementsStream = elements::Answers;

    async fn list_elements(
        &self,
        request: Request<ListElementsRequest>,
    ) -> Result<Response<Self::ListElementsStream>, Status> {
        let name: Name<id::Vpc> = request.get_ref().parent.parse().map_err(bad_name("parent"))?;
        let (_, view) = self.view(&format!("regions/{}", name.scope.region))?;
        Ok(Response::new(elements::list(view, &name).await?))
    }

    async fn list_commits(
        &self,
        request: Request<ListCommitsRequest>,
    ) -> Result<Response<ListCommitsResponse>, Status> {
        let request = request.get_ref();
        let ((_, view), limit) = together((self.view(&request.parent), page::limit(request.page_size)))?;
        let records = page_of(&*view.log, Position(request.after), limit).await?;
        let tail = view.log.tail().await.map_err(|error| unserved(&error))?.position;
        let next_after = records.last().map_or(0, |record| record.position.0);
        let next_after = if next_after < tail.0 { next_after } else { 0 };
        let commits = records.iter().map(|record| answer::record(record)).collect::<Result<Vec<_>, _>>()?;
        Ok(Response::new(ListCommitsResponse { commits: commits.concat(), next_after }))
    }

    type WatchCommitsStream = Pin<Box<dyn Stream<Item = Result<WatchCommitsResponse, Status>> + Send>>;

    async fn watch_commits(
        &self,
        request: Request<WatchCommitsRequest>,
    ) -> Result<Response<Self::WatchCommitsStream>, Status> {
        let request = request.get_ref();
        let (_, view) = self.view(&request.parent)?;
        let records = view.log.follow(Filter::All, to_log_position(Position(request.after)));
        let commits = records.map(|record| answer::record(&*record.map_err(|error| unserved(&error))?));
        let commits = commits.map_ok(|commits| stream::iter(commits.into_iter().map(Ok))).try_flatten();
        let answers = commits.map_ok(|commit| WatchCommitsResponse { commit: Some(commit) });
        let stopping = stream::once(async { Err(from_unserved(Unserved::Closed)) });
        Ok(Response::new(answers.take_until(self.shutdown.clone().stopped()).chain(stopping).boxed()))
    }
}
