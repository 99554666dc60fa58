//! Receipts of failovers over gRPC. The gateway of these stories is played by the test.

use std::fmt::Debug;

use mooring_proto::{
    event::v1::{FailoverMeasured, event::Kind},
    health::v1::{
        Claim, FailoverPercentiles, FailoverTimes, ListFailoversRequest, ListFailoversResponse,
        ReportClaimsRequest, ReportFailoversRequest, failover_service_client::FailoverServiceClient,
    },
};
use mooring_tests::channel::Channel;
use tonic::{Response, Status};

use crate::{
    given::*,
    refused::{invalid, refused},
};

const GATEWAY: &str = "regions/r1/gateways/gw-9";
const MILLISECOND: u64 = 1_000_000;
/// When the gateway's process was started, and some time later.
const STARTED: u64 = 1_795_181_000_000 * MILLISECOND;
const SEEN: u64 = STARTED + 60_000 * MILLISECOND;

fn failovers(world: &World) -> FailoverServiceClient<Channel> {
    FailoverServiceClient::new(world.channel.clone())
}

/// vm-a is the holder. Where that is recorded.
async fn held(world: &World, stock: &Stock) -> u64 {
    let (vpc, address, mac) = (id(&stock.vpc.name).into(), stock.havip.address.clone(), stock.a.mac.clone());
    let claims = vec![Claim { vpc, address, mac, number: 1, observed_at: SEEN }];
    ok(world.health().report_claims(ReportClaimsRequest { gateway: GATEWAY.into(), claims }).await).position
}

/// The claim with this number was in the kernel so many milliseconds after it was seen, and in the log ten times as many.
fn times(stock: &Stock, position: u64, number: u64, milliseconds: u64) -> FailoverTimes {
    FailoverTimes {
        vpc: id(&stock.vpc.name).into(),
        address: stock.havip.address.clone(),
        mac: stock.a.mac.clone(),
        number,
        claimed_at: SEEN,
        decided_at: SEEN + MILLISECOND / 10,
        applied_at: SEEN + milliseconds * MILLISECOND,
        stored_position: position,
        followed_at: SEEN + 10 * milliseconds * MILLISECOND,
    }
}

/// Up to where it is in the log.
async fn report(world: &World, all: Vec<FailoverTimes>) -> Result<Response<u64>, Status> {
    let request =
        ReportFailoversRequest { gateway: GATEWAY.into(), gateway_started_at: STARTED, failovers: all };
    failovers(world).report_failovers(request).await.map(|answer| Response::new(answer.into_inner().position))
}

async fn list(world: &World, request: ListFailoversRequest) -> ListFailoversResponse {
    ok(failovers(world).list_failovers(request).await)
}

fn of_project(parent: &str) -> ListFailoversRequest {
    ListFailoversRequest { parent: parent.into(), ..Default::default() }
}

#[track_caller]
fn names<T: Debug>(answer: Result<Response<T>, Status>, field: &str) {
    assert_eq!(refused(answer).brief(), invalid(field));
}

#[tokio::test]
async fn receipts_are_recorded_once_and_listed_with_percentiles_the_latest_first() {
    let (world, stock) = World::stocked().await;
    let position = held(&world, &stock).await;
    let none = list(&world, of_project(P1)).await;
    assert_eq!(none, ListFailoversResponse::default());
    let all: Vec<_> = (1..=100).map(|number| times(&stock, position, number, number)).collect();
    let told = ok(report(&world, all.clone()).await);
    // Its answer was lost.
    assert_eq!((ok(report(&world, all).await), world.tail().await), (told, told));
    let written: Vec<FailoverMeasured> = world
        .events(position)
        .await
        .into_iter()
        .map(|event| match event {
            Kind::FailoverMeasured(measured) => measured,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(written.len(), 100);
    let first = &written[0];
    let claim = first.claim.as_ref().unwrap();
    assert_eq!((&*claim.gateway, claim.number, claim.observed_at), ("gw-9", 1, SEEN));
    assert_eq!((first.gateway_started_at, first.stored_position), (STARTED, position));
    assert_eq!(first.holder.as_ref().unwrap().instance, "vm-a");

    let listed = list(&world, of_project(P1)).await;
    assert_eq!((listed.total_size, listed.failovers.len(), &*listed.next_page_token), (100, 100, ""));
    let percentiles = |factor: u64| {
        let [p50, p90, p99, max] = [50, 90, 99, 100].map(|value| value * factor * MILLISECOND);
        Some(FailoverPercentiles { p50, p90, p99, max })
    };
    assert_eq!((listed.to_kernel, listed.to_log), (percentiles(1), percentiles(10)));
    let latest = &listed.failovers[0];
    assert_eq!(latest.id, format!("gw-9/{}/100", STARTED / MILLISECOND));
    assert_eq!((&latest.havip, &*latest.instance), (&stock.havip.name, "vm-a"));
    assert_eq!((latest.claimed_at, latest.applied_at), (SEEN, SEEN + 100 * MILLISECOND));
    assert_eq!(list(&world, of_project(P2)).await, ListFailoversResponse::default());
}

#[tokio::test]
async fn failovers_come_in_pages_of_one_havip_or_all() {
    let (world, stock) = World::stocked().await;
    let position = held(&world, &stock).await;
    ok(report(&world, (1..=5).map(|number| times(&stock, position, number, 1)).collect()).await);
    for havip in [stock.havip.name.clone(), String::new()] {
        let (mut pages, mut page_token) = (Vec::new(), String::new());
        loop {
            let request =
                ListFailoversRequest { havip: havip.clone(), page_size: 2, page_token, ..of_project(P1) };
            let page = list(&world, request).await;
            assert_eq!(page.total_size, 5);
            let numbers = page.failovers.iter().map(|failover| failover.id.rsplit('/').next().unwrap());
            pages.push(numbers.map(str::to_owned).collect::<Vec<_>>().join(" "));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(pages, ["5 4", "3 2", "1"]);
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_written() {
    let (world, stock) = World::stocked().await;
    let position = held(&world, &stock).await;
    let good = times(&stock, position, 1, 1);
    for (bad, field) in [
        (FailoverTimes { vpc: "blue".into(), ..good.clone() }, "failovers.vpc"),
        (FailoverTimes { address: "10.0.1".into(), ..good.clone() }, "failovers.address"),
        (FailoverTimes { mac: "02:00".into(), ..good.clone() }, "failovers.mac"),
    ] {
        names(report(&world, vec![good.clone(), bad]).await, field);
    }
    names(report(&world, vec![good.clone(); 1001]).await, "failovers");
    let later = FailoverTimes { stored_position: position + 1000, ..good.clone() };
    let stranger = FailoverTimes { mac: stock.c.mac.clone(), ..good };
    ok(report(&world, vec![later, stranger]).await);
    assert_eq!(world.tail().await, position);

    let asked = |request| async { failovers(&world).list_failovers(request).await };
    let elsewhere = ListFailoversRequest { havip: stock.havip.name.clone(), ..of_project(P2) };
    names(asked(elsewhere).await, "havip");
    names(asked(ListFailoversRequest { page_token: "7".into(), ..of_project(P1) }).await, "page_token");
    names(asked(ListFailoversRequest { page_size: 1001, ..of_project(P1) }).await, "page_size");
    names(asked(of_project("projects/p1")).await, "parent");
}
