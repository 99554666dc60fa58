//! Display names for the full names in a table: people know `web`, the API says
//! `projects/shop/regions/r1/eips/01976e2a-…`.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use mooring_proto::{
    dataplane::v1::VpcStatus,
    resource::v1::{Eip, Havip, Pool, Subnet, Vnic, Vpc},
};

use crate::{
    failure::Failure,
    invocation::{Invocation, Resource},
    resolve::last_part,
};

/// How many are asked for at the same time.
const AT_ONCE: usize = 16;

/// Full name to display name.
#[derive(Debug, Default)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Asks for each name once. What can't be read (deleted meanwhile, say) keeps its id: a table never fails for want of
    /// a label.
    pub async fn read<'a>(moor: &Invocation, names: impl Iterator<Item = &'a str>) -> Self {
        let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
        let labels =
            stream::iter(names).map(async |name| Some((name.to_owned(), label(moor, name).await.ok()??)));
        Self(labels.buffer_unordered(AT_ONCE).filter_map(async |label| label).collect().await)
    }

    /// Of VPCs under their bare ids, as gateways report them.
    pub fn of_vpcs(vpcs: &[VpcStatus]) -> Self {
        Self(vpcs.iter().map(|vpc| (last_part(&vpc.vpc).to_owned(), vpc.display_name.clone())).collect())
    }

    /// Of names that are known already.
    pub fn known(names: impl Iterator<Item = (String, String)>) -> Self {
        Self(names.collect())
    }

    /// The display name, if it is known.
    pub fn get(&self, name: &str) -> Option<&String> {
        self.0.get(name)
    }

    /// The display name, or the id when it is not known.
    pub fn of(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_else(|| last_part(name).to_owned())
    }
}

async fn label(moor: &Invocation, name: &str) -> Result<Option<String>, Failure> {
    async fn of<R: Resource>(moor: &Invocation, name: &str) -> Result<Option<String>, Failure> {
        Ok(Some(R::get(moor, name.to_owned()).await?.label().to_owned()))
    }
    match name.rsplit('/').nth(1) {
        Some("pools") => of::<Pool>(moor, name).await,
        Some("vpcs") => of::<Vpc>(moor, name).await,
        Some("subnets") => of::<Subnet>(moor, name).await,
        Some("vnics") => of::<Vnic>(moor, name).await,
        Some("havips") => of::<Havip>(moor, name).await,
        Some("eips") => of::<Eip>(moor, name).await,
        _ => Ok(None),
    }
}
