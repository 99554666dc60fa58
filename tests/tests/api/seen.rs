//! Reads that must have what their caller has seen: each write says its position, and a read can ask for it.

use mooring_proto::{
    binding::v1 as binding,
    health::v1 as health,
    preview::{MIN_POSITION, POSITION},
    resource::v1::{self as resource, eip::State},
};
use tonic::{Code, Request, Response, Status};

use crate::{given::*, refused::refused};

fn seen<T>(position: impl ToString, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert(MIN_POSITION, position.to_string().parse().unwrap());
    request
}

fn position<T>(answer: &Response<T>) -> u64 {
    answer.metadata().get(POSITION).unwrap().to_str().unwrap().parse().unwrap()
}

/// Every read of a project, by its answer's refusal.
async fn reads(world: &World, stock: &Stock, position: &str) -> Vec<(&'static str, Result<(), Status>)> {
    let (parent, name) = (P1.to_owned(), stock.eip.name.clone());
    let mut resource = world.resource();
    macro_rules! read {
        ($client:expr, $method:ident, $request:expr) => {
            (stringify!($method), $client.$method(seen(position, $request)).await.map(drop))
        };
    }
    vec![
        read!(resource, get_pool, resource::GetPoolRequest { name: format!("{R1}/pools/public") }),
        read!(resource, list_pools, resource::ListPoolsRequest { parent: R1.into(), ..Default::default() }),
        read!(resource, get_vpc, resource::GetVpcRequest { name: stock.vpc.name.clone() }),
        read!(
            resource,
            list_vpcs,
            resource::ListVpcsRequest { parent: parent.clone(), ..Default::default() }
        ),
        read!(resource, get_havip, resource::GetHavipRequest { name: stock.havip.name.clone() }),
        read!(
            resource,
            list_havips,
            resource::ListHavipsRequest { parent: parent.clone(), ..Default::default() }
        ),
        read!(
            resource,
            batch_get_havips,
            resource::BatchGetHavipsRequest { parent: parent.clone(), names: vec![stock.havip.name.clone()] }
        ),
        read!(resource, get_eip, resource::GetEipRequest { name: name.clone() }),
        read!(
            resource,
            list_eips,
            resource::ListEipsRequest { parent: parent.clone(), ..Default::default() }
        ),
        read!(
            resource,
            batch_get_eips,
            resource::BatchGetEipsRequest { parent: parent.clone(), names: vec![name] }
        ),
        read!(
            world.bindings(),
            list_bindings,
            binding::ListBindingsRequest { parent: parent.clone(), ..Default::default() }
        ),
        read!(world.health(), get_holder, health::GetHolderRequest { havip: stock.havip.name.clone() }),
        read!(world.health(), list_holders, health::ListHoldersRequest { parent, ..Default::default() }),
    ]
}

#[tokio::test]
async fn a_read_has_what_the_write_said_whichever_service_is_asked() {
    let (world, stock) = World::stocked().await;
    let mut bound = 0;
    for _ in 0..20 {
        let answer = world.bind(&stock.eip.name, &stock.havip.name).await.unwrap();
        bound = position(&answer);
        assert!(bound >= answer.get_ref().position, "the answer says IN_USE, and was true later only");
        let request = resource::GetEipRequest { name: stock.eip.name.clone() };
        let eip = ok(world.resource().get_eip(seen(bound, request)).await);
        assert_eq!(eip.state(), State::InUse);
        let answer = world.unbind(&stock.eip.name).await.unwrap();
        let request = resource::GetHavipRequest { name: stock.havip.name.clone() };
        let havip = ok(world.resource().get_havip(seen(position(&answer), request)).await);
        assert_eq!(havip.binding, "", "the answer says that it is free");
        assert!(position(&answer) > answer.get_ref().position, "the EIP is free only behind the request");
    }
    for (method, answer) in reads(&world, &stock, &bound.to_string()).await {
        assert!(answer.is_ok(), "{method}: {answer:?}");
    }
}

#[tokio::test]
async fn what_nobody_can_have_seen_is_refused_by_every_read() {
    let (world, stock) = World::stocked().await;
    let beyond = (world.tail().await + 1_000_000).to_string();
    for (method, answer) in reads(&world, &stock, &beyond).await {
        let refusal = refused(answer.map(Response::new));
        assert_eq!(refusal.brief(), (Code::NotFound, "OUTSIDE_THE_LOG", MIN_POSITION), "{method}");
        assert!(!refusal.retryable);
    }
    for none in ["", "x", "-1", "1.5"] {
        for (method, answer) in reads(&world, &stock, none).await {
            let refusal = refused(answer.map(Response::new));
            assert_eq!(
                refusal.brief(),
                (Code::InvalidArgument, "INVALID_FIELD", MIN_POSITION),
                "{method} {none:?}"
            );
        }
    }
}

#[tokio::test]
async fn moor_reads_nothing_older_than_it_is_told_to() {
    let (world, _) = World::stocked().await;
    let tail = world.tail().await;
    assert_eq!(
        world.server.ask(&format!("eip get web --min-position {tail}")).unwrap()["display_name"],
        "web"
    );
    let refused = world.server.refuse(&format!("eip list --min-position {}", tail + 1_000_000)).unwrap();
    assert_eq!(refused.reason, "OUTSIDE_THE_LOG");
}
