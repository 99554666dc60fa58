//! The sentences of what is given up, in an order in which it can be, and of a pool before that.

use mooring_proto::event::v1::{PoolDeleted, PoolUpdated, SubnetDeleted, SubnetUpdated, VpcDeleted};

use super::*;

pub(super) fn deleted() -> Vec<(Kind, String)> {
    let (subnet_id, vpc_id) = (id(8), id(7));
    let vpc = VpcCreated { vpc_id: vpc_id.clone().into(), display_name: "red".into(), ..Default::default() };
    let subnet = SubnetCreated {
        subnet_id: subnet_id.clone().into(),
        vpc_id: vpc_id.into(),
        display_name: "old".into(),
        ..Default::default()
    };
    let vnic =
        VnicCreated { vnic: Some(vnic("vm-z", 99)), subnet_id: subnet_id.into(), ..Default::default() };
    let pool = PoolCreated { pool_id: id(9).into(), display_name: "old".into(), ..Default::default() };
    let cidrs = vec![Cidr { network: address([198, 51, 100, 0]), prefix_length: 28 }];
    let drained = PoolUpdated {
        pool_id: id(9).into(),
        display_name: "old".into(),
        cidrs,
        draining: true,
        cooling: 3_600_000_000_000,
        ..Default::default()
    };
    let created = "subnet old (no block, router no address) created in VPC";
    vec![
        (Kind::SubnetCreated(subnet.clone()), format!("{created} {}", uuid(7))),
        (
            Kind::VnicDeleted(VnicDeleted { vnic: Some(vnic) }),
            "vNIC of vm-z (02:00:00:00:00:63, 10.0.1.99) in subnet old deleted".into(),
        ),
        (
            Kind::SubnetUpdated(SubnetUpdated { subnet: Some(subnet.clone()) }),
            "subnet old changed; reserved: none".into(),
        ),
        (Kind::SubnetDeleted(SubnetDeleted { subnet: Some(subnet) }), "subnet old deleted".into()),
        (
            Kind::PoolUpdated(drained),
            "pool old changed; blocks: 198.51.100.0/28; addresses cool for 1h; nothing new is allocated from it"
                .into(),
        ),
        (Kind::PoolDeleted(PoolDeleted { pool: Some(pool) }), "pool old deleted".into()),
        (Kind::VpcDeleted(VpcDeleted { vpc: Some(vpc) }), "VPC red deleted".into()),
    ]
}
