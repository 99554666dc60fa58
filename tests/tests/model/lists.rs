//! Everything that the services list, against the maps.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::IpNet;
use mooring_proto::binding::v1::{
    ListBindingsRequest, binding::State, binding_service_client::BindingServiceClient,
};
use mooring_proto::resource::v1::{
    GetEipRequest, ListEipsRequest, ListHavipsRequest, ListPoolsRequest, ListSubnetsRequest,
    ListVnicsRequest, ListVpcsRequest, eip, havip::ClaimPolicy, pool,
    resource_service_client::ResourceServiceClient,
};
use tokio::time::{Instant, sleep};
use tonic::Status;

use crate::ask::Asker;
use crate::world::{Bound, PROJECTS, World};

/// How long what was answered may go on: a move is answered when the new binding is there, before the old one is gone.
const SETTLING: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(2);

fn written(blocks: &[IpNet]) -> String {
    blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The pools, as everybody sees them.
fn pools(world: &World) -> impl Iterator<Item = String> {
    world
        .pools
        .iter()
        .map(|its| format!("{} {} {} {}", its.name, written(&its.cidrs), its.drains, its.revision))
}

/// What there is for a project, as text that can be compared.
type Listed = BTreeSet<String>;

fn modelled(world: &World, by: usize) -> Listed {
    let of = |name: &String| name.starts_with(&format!("{}/", PROJECTS[by].scope));
    let mut all = Listed::new();
    all.extend(world.vpcs.iter().map(|(name, label)| format!("{name} {label}")));
    all.extend(world.subnets.iter().map(|(name, its)| {
        let (label, vpc, cidr, revision) = (&its.label, &its.vpc, its.cidr, its.revision);
        format!("{name} {label} {vpc} {cidr} {} {revision}", written(&its.reserved))
    }));
    all.extend(world.vnics.iter().map(|(name, its)| {
        format!("{name} {} {} 02:00:00:00:00:{:02x} {}", its.instance, its.subnet, its.mac, its.address)
    }));
    let holder: BTreeMap<_, _> =
        world.bound.values().map(|bound| (&bound.havip, bound.binding.as_str())).collect();
    all.extend(world.havips.iter().map(|(name, its)| {
        let binding = holder.get(name).copied().unwrap_or_default();
        let members: BTreeSet<_> = its.members.iter().collect();
        let (label, subnet, address, revision) = (&its.label, &its.subnet, its.address, its.revision);
        format!("{name} {label} {subnet} {address} {binding} {members:?} {} {revision}", its.open)
    }));
    all.extend(world.eips.iter().map(|(name, its)| {
        let bound = world.bound.get(name);
        let state = if bound.is_some() { eip::State::InUse } else { eip::State::Available };
        let binding = bound.map(|bound| bound.binding.as_str()).unwrap_or_default();
        let (label, address, protected, revision) = (&its.label, its.address, its.protected, its.revision);
        format!("{name} {label} {address} {state:?} {binding} {protected} {revision}")
    }));
    all.retain(of);
    all.extend(pools(world));
    all.extend(
        world.cooling.iter().filter(|(_, of)| **of == by).map(|(address, _)| format!("{address} cools")),
    );
    all.extend(world.bound.iter().filter(|(eip, _)| of(eip)).map(|(eip, bound)| {
        let Bound { havip, binding, revision } = bound;
        format!("{binding} {eip} {havip} {revision}")
    }));
    all
}

async fn listed(asker: &Asker, by: usize) -> Result<Listed, Status> {
    let (mut resource, mut all) = (ResourceServiceClient::new(asker.channel(by)), Listed::new());
    let (parent, page_size) = (PROJECTS[by].scope.to_owned(), 1000);
    macro_rules! list {
        ($client:ident.$method:ident($request:ident)) => {{
            let request = $request { parent: parent.clone(), page_size, ..$request::default() };
            $client.$method(request).await?.into_inner()
        }};
    }
    let request =
        ListPoolsRequest { parent: "regions/r1".to_owned(), page_size, ..ListPoolsRequest::default() };
    let pools = resource.list_pools(request).await?.into_inner().pools;
    all.extend(pools.iter().map(|its| {
        let drains = its.state() == pool::State::Draining;
        format!("{} {} {drains} {}", its.name, its.cidrs.join(","), its.position)
    }));
    let vpcs = list!(resource.list_vpcs(ListVpcsRequest)).vpcs;
    all.extend(vpcs.iter().map(|its| format!("{} {}", its.name, its.display_name)));
    let subnets = list!(resource.list_subnets(ListSubnetsRequest)).subnets;
    all.extend(subnets.iter().map(|its| {
        let (name, label, vpc, cidr, revision) =
            (&its.name, &its.display_name, &its.vpc, &its.cidr, its.position);
        format!("{name} {label} {vpc} {cidr} {} {revision}", its.reserved.join(","))
    }));
    let vnics = list!(resource.list_vnics(ListVnicsRequest)).vnics;
    all.extend(
        vnics
            .iter()
            .map(|its| format!("{} {} {} {} {}", its.name, its.instance, its.subnet, its.mac, its.address)),
    );
    let havips = list!(resource.list_havips(ListHavipsRequest)).havips;
    all.extend(havips.iter().map(|its| {
        let members: BTreeSet<_> = its.members.iter().collect();
        let (name, label, subnet, address) = (&its.name, &its.display_name, &its.subnet, &its.address);
        let open = its.claim_policy() == ClaimPolicy::Subnet;
        format!("{name} {label} {subnet} {address} {} {members:?} {open} {}", its.binding, its.position)
    }));
    let request = ListEipsRequest {
        parent: parent.clone(),
        page_size,
        show_cooling: true,
        ..ListEipsRequest::default()
    };
    let eips = resource.list_eips(request).await?.into_inner().eips;
    all.extend(eips.iter().map(|its| match its.state() {
        eip::State::Cooling => format!("{} cools", its.address),
        state => {
            let (name, label, address, binding) = (&its.name, &its.display_name, &its.address, &its.binding);
            format!("{name} {label} {address} {state:?} {binding} {} {}", its.delete_protection, its.position)
        }
    }));
    let mut bindings = BindingServiceClient::new(asker.channel(by));
    let bindings = list!(bindings.list_bindings(ListBindingsRequest)).bindings;
    // Those that came to nothing are listed for a day.
    let there = bindings.iter().filter(|its| its.state() != State::Failed);
    all.extend(there.map(|its| match its.state() {
        State::InUse => format!("{} {} {} {}", its.name, its.eip, its.havip, its.position),
        state => format!("{} {state:?}", its.name),
    }));
    Ok(all)
}

/// The state that an EIP is in now.
pub async fn state(asker: &mut Asker, by: usize, eip: &str) -> eip::State {
    let end = Instant::now() + SETTLING;
    loop {
        let mut resource = ResourceServiceClient::new(asker.channel(by));
        match resource.get_eip(GetEipRequest { name: eip.to_owned() }).await {
            Ok(eip) => return eip.into_inner().state(),
            Err(status) => assert!(Instant::now() < end, "{eip}: {status:?}"),
        }
        asker.revive().await;
        sleep(PAUSE).await;
    }
}

/// What is listed is what the maps have, at the latest when what goes on has come to its end.
pub async fn agree(asker: &mut Asker, world: &World) -> Result<usize, String> {
    let (end, mut things) = (Instant::now() + SETTLING, 0);
    for by in 0..PROJECTS.len() {
        let modelled = modelled(world, by);
        loop {
            let listed = listed(asker, by).await;
            if listed.as_ref().is_ok_and(|listed| *listed == modelled) {
                things += modelled.len();
                break;
            }
            if Instant::now() > end {
                let listed = listed.map_err(|status| format!("{status:?}"))?;
                let (more, less): (Vec<_>, Vec<_>) =
                    (listed.difference(&modelled).collect(), modelled.difference(&listed).collect());
                return Err(format!("listed, and not there: {more:#?}; there, and not listed: {less:#?}"));
            }
            asker.revive().await;
            sleep(PAUSE).await;
        }
    }
    Ok(things)
}
