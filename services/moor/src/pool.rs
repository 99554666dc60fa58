//! `moor pool`: pools of public addresses.

mod update;

use std::time::Duration;

use clap::Subcommand;
use mooring_domain::id::{Kind, Pool as PoolKind};
use mooring_proto::resource::v1::{
    CreatePoolRequest, DeletePoolRequest, GetPoolRequest, ListPoolsRequest, Pool, pool::State,
    resource_service_client::ResourceServiceClient,
};

use crate::{
    delete::{deletable, delete},
    failure::Failure,
    filtered::Filtered,
    invocation::{Invocation, PAGE_SIZE, Resource},
    labels::Labels,
    output::Row,
    resolve::{Argument, Home, Reference, last_part},
    revision::Expected,
};

/// What can be done with pools.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a pool; every address of its blocks may be allocated
    Create {
        /// Its display name, unique in the region
        name: String,
        /// Address blocks, such as 203.0.113.0/28; no two pools of a region overlap
        #[arg(required = true, value_name = "CIDR")]
        cidrs: Vec<String>,
        /// For how long only the project that had an address gets it again, such as 12h, or 0s [default: 24h]
        #[arg(long, value_name = "TIME", value_parser = cooling)]
        cooling: Option<u64>,
    },
    /// List the region's pools
    List {
        #[command(flatten)]
        filtered: Filtered,
    },
    /// Show one pool
    Get {
        /// Name, id or display name
        pool: String,
    },
    /// Change a pool's blocks, its name, or how long addresses cool
    Update(update::Update),
    /// Allocate nothing new from a pool; the EIPs that there are go on
    Drain(update::One),
    /// Allocate from a pool again
    Resume(update::One),
    /// Delete a pool that is drained and empty
    Delete {
        /// Name, id or display name
        pool: String,
        #[command(flatten)]
        expected: Expected,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::Create { name, cidrs, cooling: cooling_ms } => {
                let pool = Pool { display_name: name, cidrs, cooling_ms, ..Default::default() };
                moor.show(&create(moor, pool).await?).await
            }
            Self::List { filtered } => moor.show_all(&list(moor, &filtered).await?).await,
            Self::Update(update) => update.run(moor).await,
            Self::Drain(one) => one.drain(moor).await,
            Self::Resume(one) => one.resume(moor).await,
            Self::Delete { pool, expected } => delete::<Pool>(moor, &pool, expected).await,
            Self::Get { pool } => moor.show(&moor.find::<Pool>(Argument::new("POOL", &pool)).await?).await,
        }
    }
}

/// Whole milliseconds.
fn cooling(text: &str) -> Result<u64, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match u64::try_from(duration.as_millis()) {
        Ok(millis) if Duration::from_millis(millis) == duration => Ok(millis),
        _ => Err("expected whole milliseconds".to_owned()),
    }
}

async fn create(moor: &Invocation, pool: Pool) -> Result<Pool, Failure> {
    let parent = moor.home.regional_parent()?;
    let (request_id, validate_only) = moor.of_write();
    let message = CreatePoolRequest { parent, pool: Some(pool), request_id, validate_only };
    moor.write(&moor.resource, message, async |channel, request| {
        ResourceServiceClient::new(channel).create_pool(request).await
    })
    .await
}

async fn list(moor: &Invocation, filtered: &Filtered) -> Result<Vec<Pool>, Failure> {
    let parent = moor.home.regional_parent()?;
    moor.pages(async |page_token| {
        let (parent, filter, order_by) = (parent.clone(), filtered.filter.clone(), filtered.order_by.clone());
        let message = ListPoolsRequest { parent, page_size: PAGE_SIZE, page_token, filter, order_by };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).list_pools(request).await;
        moor.resource.call(message, rpc).await.map(|page| (page.pools, page.next_page_token))
    })
    .await
}

deletable!(Pool "POOL" "pool" DeletePoolRequest delete_pool);

/// How many, if that is told: members are not. More than 64 bits can say is at least that.
fn told(count: Option<u64>) -> String {
    match count {
        None => String::new(),
        Some(u64::MAX) => "≥ 2^64-1".to_owned(),
        Some(count) => count.to_string(),
    }
}

impl Resource for Pool {
    fn reference(argument: Argument<'_>, home: &Home) -> Result<Reference, Failure> {
        Reference::regional(argument, PoolKind::COLLECTION, PoolKind::WORD, home)
    }

    async fn get(moor: &Invocation, name: String) -> Result<Self, Failure> {
        let rpc = async |channel, request| ResourceServiceClient::new(channel).get_pool(request).await;
        moor.resource.call(GetPoolRequest { name }, rpc).await
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> &str {
        &self.display_name
    }
}

impl Row for Pool {
    const PROTO: &'static str = "mooring.resource.v1.Pool";
    const PLURAL: &'static str = "pools";
    const COLUMNS: &'static [&'static str] =
        &["NAME", "CIDRS", "ALLOCATED", "COOLING", "FREE", "STATE", "POSITION", "ID"];

    fn mentions(&self) -> Vec<&str> {
        Vec::new()
    }

    fn cells(&self, _: &Labels) -> Vec<String> {
        vec![
            self.display_name.clone(),
            self.cidrs.join(" "),
            told(self.free.map(|_| self.allocated)),
            told(self.cooling),
            told(self.free),
            if self.state() == State::Draining { "DRAINING" } else { "ACTIVE" }.to_owned(),
            self.position.to_string(),
            last_part(&self.name).to_owned(),
        ]
    }

    fn more(&self, _: &Labels) -> Vec<(&'static str, String)> {
        let cools_for = |millis| humantime::format_duration(Duration::from_millis(millis)).to_string();
        vec![("COOLS FOR", self.cooling_ms.map(cools_for).unwrap_or_default())]
    }
}
