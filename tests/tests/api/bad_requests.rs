//! Requests that are wrong in themselves or against what exists: the field is named, nothing is written, and the server
//! serves on.

use mooring_proto::resource::v1 as resource;
use tonic::Code;

use crate::{
    given::*,
    refused::{Refused, invalid, not_found, refused},
};

async fn vnic(world: &World, subnet: &resource::Subnet, instance: &str, mac: &str, address: &str) -> Refused {
    let vnic = resource::Vnic {
        instance: instance.into(),
        subnet: subnet.name.clone(),
        mac: mac.into(),
        address: address.into(),
        ..Default::default()
    };
    let request = resource::CreateVnicRequest { parent: P1.into(), vnic: Some(vnic), ..Default::default() };
    refused(world.resource().create_vnic(request).await)
}

async fn subnet(world: &World, vpc: &str, cidr: &str, gateway: &str) -> Refused {
    let subnet = resource::Subnet {
        display_name: "x".into(),
        vpc: vpc.into(),
        cidr: cidr.into(),
        gateway_address: gateway.into(),
        ..Default::default()
    };
    let request =
        resource::CreateSubnetRequest { parent: P1.into(), subnet: Some(subnet), ..Default::default() };
    refused(world.resource().create_subnet(request).await)
}

pub async fn pool(world: &World, display_name: &str, cidrs: &[&str]) -> Refused {
    let pool = resource::Pool {
        display_name: display_name.into(),
        cidrs: cidrs.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    let request = resource::CreatePoolRequest { parent: R1.into(), pool: Some(pool), ..Default::default() };
    refused(world.resource().create_pool(request).await)
}

async fn eip(world: &World, eip: resource::Eip) -> Refused {
    let request = resource::AllocateEipRequest { parent: P1.into(), eip: Some(eip), ..Default::default() };
    refused(world.resource().allocate_eip(request).await)
}

fn exists<'a>(reason: &'a str, field: &'a str) -> (Code, &'a str, &'a str) {
    (Code::AlreadyExists, reason, field)
}

#[tokio::test]
async fn addresses_that_a_havip_can_not_have() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let refusal = async |address: &str| {
        refused(world.resource().create_havip(create_havip(&stock.subnet, "x", address, &[])).await)
    };
    for (address, why) in [
        ("10.0.2.1", "outside"),
        ("10.0.1.0", "network"),
        ("10.0.1.255", "broadcast"),
        ("10.0.1.1", "10.0.1.1"),
        ("fd00::1", "outside"),
        ("10.0.1", "10.0.1"),
        ("10.0.1.7/24", "10.0.1.7/24"),
    ] {
        let refusal = refusal(address).await;
        assert_eq!(refusal.brief(), invalid("havip.address"), "{address}");
        assert!(refusal.message.contains(why), "{refusal:?}");
    }
    let of_vnic = refusal("10.0.1.10").await;
    assert_eq!(of_vnic.brief(), exists("ADDRESS_TAKEN", "havip.address"));
    assert_eq!(of_vnic.in_the_way.as_ref(), Some(&stock.a.name));
    let of_havip = refusal("10.0.1.100").await;
    assert_eq!(of_havip.brief(), exists("ADDRESS_TAKEN", "havip.address"));
    assert_eq!(of_havip.in_the_way.as_ref(), Some(&stock.havip.name));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn members_that_a_havip_can_not_have() {
    let (world, stock) = World::stocked().await;
    let other = world.subnet(P1, "other", &stock.vpc, "10.0.2.0/24").await;
    let far = world.vnic(&other, "far", "02:00:00:00:00:0d", "10.0.2.10").await;
    let before = world.tail().await;
    let refusal = async |members: &[&resource::Vnic]| {
        refused(world.resource().create_havip(create_havip(&stock.subnet, "x", "", members)).await)
    };
    let elsewhere = refusal(&[&far]).await;
    assert_eq!(elsewhere.brief(), (Code::FailedPrecondition, "OTHER_SUBNET", "havip.members"));
    assert_eq!(elsewhere.in_the_way.as_ref(), Some(&far.name));
    assert_eq!(refusal(&[&stock.a, &stock.a]).await.brief(), invalid("havip.members"));
    assert_eq!(refusal(&[&stock.a; 101]).await.brief(), invalid("havip.members"));
    let nobody = resource::Vnic { name: format!("{P1}/vnics/{NOBODY}"), ..stock.a.clone() };
    assert_eq!(refusal(&[&nobody]).await.brief(), not_found("havip.members"));
    let nameless = resource::Vnic::default();
    assert_eq!(refusal(&[&nameless]).await.brief(), invalid("havip.members"));
    let taken = refused(world.resource().create_havip(create_havip(&stock.subnet, "front", "", &[])).await);
    assert_eq!(taken.brief(), exists("NAME_TAKEN", "havip.display_name"));
    assert_eq!(taken.in_the_way.as_ref(), Some(&stock.havip.name));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn macs_addresses_and_names_that_a_vnic_can_not_have() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let (mac, address) = ("02:00:00:00:00:0d", "10.0.1.13");
    for bad in
        ["", "02:00:00:00:00", "2:0:0:0:0:d", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"]
    {
        assert_eq!(
            vnic(&world, &stock.subnet, "x", bad, address).await.brief(),
            invalid("vnic.mac"),
            "{bad}"
        );
    }
    let vrrp = vnic(&world, &stock.subnet, "x", "00:00:5e:00:01:33", address).await;
    assert_eq!(vrrp.brief(), invalid("vnic.mac"));
    assert!(vrrp.message.contains("VRRP"), "{vrrp:?}");
    let taken = vnic(&world, &stock.subnet, "x", &stock.a.mac, address).await;
    assert_eq!(taken.brief(), exists("MAC_TAKEN", "vnic.mac"));
    assert_eq!(taken.in_the_way.as_ref(), Some(&stock.a.name));
    for bad in ["", "10.0.2.1", "10.0.1.255", "10.0.1.0", "10.0.1.1", "ten"] {
        assert_eq!(
            vnic(&world, &stock.subnet, "x", mac, bad).await.brief(),
            invalid("vnic.address"),
            "{bad}"
        );
    }
    let taken = vnic(&world, &stock.subnet, "x", mac, "10.0.1.100").await;
    assert_eq!(taken.brief(), exists("ADDRESS_TAKEN", "vnic.address"));
    assert_eq!(taken.in_the_way.as_ref(), Some(&stock.havip.name));
    let taken = vnic(&world, &stock.subnet, "vm-a", mac, address).await;
    assert_eq!(taken.brief(), exists("NAME_TAKEN", "vnic.instance"));
    for bad in ["", "two words", "ä", &"x".repeat(64)] {
        assert_eq!(
            vnic(&world, &stock.subnet, bad, mac, address).await.brief(),
            invalid("vnic.instance"),
            "{bad}"
        );
    }
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn blocks_that_a_subnet_can_not_have() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let vpc = &stock.vpc.name;
    for overlapping in ["10.0.1.0/24", "10.0.0.0/16", "10.0.1.128/25"] {
        let refusal = subnet(&world, vpc, overlapping, "").await;
        assert_eq!(refusal.brief(), exists("SUBNET_OVERLAPS", "subnet.cidr"), "{overlapping}");
        assert_eq!(refusal.in_the_way.as_ref(), Some(&stock.subnet.name));
    }
    for bad in [
        "",
        "10.0.2.0",
        "10.0.2.0/33",
        "10.0.2.1/24",
        "10.0.0.0/7",
        "10.0.2.0/30",
        "127.0.0.0/8",
        "224.0.0.0/8",
    ] {
        assert_eq!(subnet(&world, vpc, bad, "").await.brief(), invalid("subnet.cidr"), "{bad}");
    }
    for bad in ["10.0.3.1", "10.0.2.0", "10.0.2.255", "one"] {
        let refusal = subnet(&world, vpc, "10.0.2.0/24", bad).await;
        assert_eq!(refusal.brief(), invalid("subnet.gateway_address"), "{bad}");
    }
    assert_eq!(subnet(&world, "", "10.0.2.0/24", "").await.brief(), invalid("subnet.vpc"));
    let unknown = format!("{P1}/vpcs/{NOBODY}");
    assert_eq!(subnet(&world, &unknown, "10.0.2.0/24", "").await.brief(), not_found("subnet.vpc"));
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn what_a_pool_and_an_eip_can_not_be() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    assert_eq!(pool(&world, "x", &[]).await.brief(), invalid("pool.cidrs"));
    assert_eq!(pool(&world, "x", &["203.0.113.1/28"]).await.brief(), invalid("pool.cidrs"));
    assert_eq!(
        pool(&world, "x", &["198.51.100.0/24", "198.51.100.0/28"]).await.brief(),
        invalid("pool.cidrs")
    );
    assert_eq!(pool(&world, "", &["198.51.100.0/24"]).await.brief(), invalid("pool.display_name"));
    assert_eq!(pool(&world, "x", &["203.0.0.0/16"]).await.brief(), exists("POOL_OVERLAPS", "pool.cidrs"));
    assert_eq!(
        pool(&world, "public", &["198.51.100.0/24"]).await.brief(),
        exists("NAME_TAKEN", "pool.display_name")
    );

    let at = |address: &str| resource::Eip { address: address.into(), ..Default::default() };
    let taken = eip(&world, at("203.0.113.0")).await;
    assert_eq!(taken.brief(), exists("ADDRESS_TAKEN", "eip.address"));
    assert_eq!(taken.in_the_way.as_ref(), Some(&stock.eip.name));
    let nowhere = eip(&world, at("198.51.100.1")).await;
    assert_eq!(nowhere.brief(), (Code::FailedPrecondition, "NOT_IN_A_POOL", "eip.address"));
    assert_eq!(eip(&world, at("one")).await.brief(), invalid("eip.address"));
    let named =
        |display_name: &str| resource::Eip { display_name: display_name.into(), ..Default::default() };
    assert_eq!(eip(&world, named("web")).await.brief(), exists("NAME_TAKEN", "eip.display_name"));
    assert_eq!(eip(&world, named("w b")).await.brief(), invalid("eip.display_name"));
    let from = |pool: String| resource::Eip { pool, ..Default::default() };
    assert_eq!(eip(&world, from(format!("{R1}/pools/none"))).await.brief(), not_found("eip.pool"));
    assert_eq!(eip(&world, from("regions/r2/pools/public".into())).await.brief(), invalid("eip.pool"));
    assert_eq!(world.tail().await, before);

    for _ in 1..16 {
        world.eip(P1, "").await;
    }
    let refusal = eip(&world, resource::Eip::default()).await;
    assert_eq!(refusal.brief(), (Code::ResourceExhausted, "POOL_EXHAUSTED", "eip.pool"));
}

#[tokio::test]
async fn names_that_are_none() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let (eip, havip) = (&stock.eip.name, &stock.havip.name);
    for bad in [
        "",
        "web",
        "eips/web",
        &format!("{P1}/eips/"),
        &format!("{eip}/x"),
        havip,
        "projects/P!/regions/r1/eips/x",
    ] {
        assert_eq!(refused(world.get_eip(bad).await).brief(), invalid("name"), "{bad}");
        assert_eq!(refused(world.release_eip(bad).await).brief(), invalid("name"), "{bad}");
        assert_eq!(refused(world.bind(bad, havip).await).brief(), invalid("eip"), "{bad}");
        assert_eq!(refused(world.unbind(bad).await).brief(), invalid("eip"), "{bad}");
    }
    assert_eq!(world.tail().await, before);
}

#[tokio::test]
async fn batches_of_holds_that_are_too_small_too_large_or_malformed() {
    let (world, stock) = World::stocked().await;
    let before = world.tail().await;
    let item = resource::hold_request::Item {
        binding_id: uuid::Uuid::now_v7().as_bytes().to_vec().into(),
        eip_id: id_bytes(&stock.eip.name).into(),
        havip_id: vec![1, 2, 3].into(),
        ..Default::default()
    };
    for items in [vec![], vec![item.clone(); 1001], vec![item]] {
        let request = resource::HoldRequest { region: "r1".into(), items, ..Default::default() };
        assert_eq!(refused(world.holds().hold(request).await).brief(), invalid("items"));
    }
    for binding_ids in [vec![], vec![vec![0; 16].into(); 1001], vec![vec![1, 2, 3].into()]] {
        let request = resource::ReleaseRequest { region: "r1".into(), binding_ids, ..Default::default() };
        assert_eq!(refused(world.holds().release(request).await).brief(), invalid("binding_ids"));
    }
    assert_eq!(world.tail().await, before);
}
