//! Requests of most stories, and names taken apart.

use mooring_proto::{binding::v1 as binding, resource::v1 as resource};

/// `projects/P/regions/R` of a name in it.
pub fn parent(name: &str) -> String {
    name.split('/').take(4).collect::<Vec<_>>().join("/")
}

/// The last part of a name.
pub fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap()
}

/// The UUID in a name, as stored events and holds have it.
pub fn id_bytes(name: &str) -> Vec<u8> {
    uuid::Uuid::parse_str(id(name)).unwrap().as_bytes().to_vec()
}

pub fn bind(eip: &str, havip: &str) -> binding::BindRequest {
    binding::BindRequest { eip: eip.into(), havip: havip.into(), ..Default::default() }
}

pub fn shift(eip: &str, havip: &str) -> binding::MoveRequest {
    binding::MoveRequest { eip: eip.into(), havip: havip.into(), ..Default::default() }
}

pub fn unbind(eip: &str) -> binding::UnbindRequest {
    binding::UnbindRequest { eip: eip.into(), ..Default::default() }
}

pub fn allocate_eip(scope: &str, display_name: &str) -> resource::AllocateEipRequest {
    let eip = resource::Eip { display_name: display_name.into(), ..Default::default() };
    resource::AllocateEipRequest { parent: scope.into(), eip: Some(eip), ..Default::default() }
}

pub fn create_havip(
    subnet: &resource::Subnet,
    display_name: &str,
    address: &str,
    members: &[&resource::Vnic],
) -> resource::CreateHavipRequest {
    let havip = resource::Havip {
        display_name: display_name.into(),
        subnet: subnet.name.clone(),
        address: address.into(),
        members: members.iter().map(|vnic| vnic.name.clone()).collect(),
        // Stories move holders faster than damping lets them; those about damping say so.
        damping: Some(resource::Damping { step_ms: 0, cap_ms: 0 }),
        ..Default::default()
    };
    resource::CreateHavipRequest { parent: parent(&subnet.name), havip: Some(havip), ..Default::default() }
}
