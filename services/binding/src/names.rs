//! What a request names. An id is taken as it is; what people call a thing is resource's to know, and it is asked for that.

use mooring_domain::{
    id::{self, Kind},
    name::Name,
};
use mooring_proto::{
    resource::v1::{GetEipRequest, GetHavipRequest, resource_service_client::ResourceServiceClient},
    status::{bad_name, of_field},
};
use mooring_runtime::peer::Peer;
use tonic::Status;

use crate::{resource::by_process, there::check_kept};

/// Where in the request of a Get the name is.
const NAME: &str = "name";

/// A kind of thing that people have names for.
pub(crate) trait Called: Kind {
    /// Its name by id, by whatever name it is called.
    async fn by_id(resource: ResourceServiceClient<Peer>, name: String) -> Result<String, Status>;
}

impl Called for id::Eip {
    async fn by_id(resource: ResourceServiceClient<Peer>, name: String) -> Result<String, Status> {
        let eip = { resource }.get_eip(by_process(GetEipRequest { name })).await?.into_inner();
        check_kept(&eip.name, &eip)?;
        Ok(eip.name)
    }
}

impl Called for id::Havip {
    async fn by_id(resource: ResourceServiceClient<Peer>, name: String) -> Result<String, Status> {
        let havip = { resource }.get_havip(by_process(GetHavipRequest { name })).await?;
        Ok(havip.into_inner().name)
    }
}

/// Whether the name says an id.
pub(crate) fn says_id<K: Kind>(name: &str) -> bool {
    name.parse::<Name<K>>().is_ok()
}

/// The name by id of what a field of the request names.
pub(crate) async fn named<K: Called>(
    resource: &Peer,
    field: &'static str,
    name: &str,
) -> Result<Name<K>, Status> {
    if let Ok(name) = name.parse() {
        return Ok(name);
    }
    let found = K::by_id(ResourceServiceClient::new(resource.clone()), name.to_owned()).await;
    let found = found.map_err(|status| of_field(&status, NAME, field))?;
    found.parse().map_err(bad_name(field))
}
