//! `moor vpc`: VPCs.

use clap::Subcommand;
use mooring_domain::id::Vpc as VpcKind;
use mooring_proto::resource::v1::{
    CreateVpcRequest, DeleteVpcRequest, GetVpcRequest, ListVpcsRequest, Vpc,
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

/// What can be done with VPCs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a VPC
    Create {
        /// Its display name, unique in the project and region
        name: String,
    },
    /// List the project's VPCs
    List {
        #[command(flatten)]
        filtered: Filtered,
    },
    /// Show one VPC
    Get {
        /// Name, id or display name
        vpc: String,
    },
    /// Delete a VPC that has no subnets
    Delete {
        /// Name, id or display name
        vpc: String,
        #[command(flatten)]
        expected: Expected,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::Create { name } => {
                let vpc = Vpc { display_name: name, ..Default::default() };
                moor.show(&create(moor, vpc).await?).await
            }
            Self::List { filtered } => moor.show_all(&list(moor, &filtered).await?).await,
            Self::Delete { vpc, expected } => delete::<Vpc>(moor, &vpc, expected).await,
            Self::Get { vpc } => moor.show(&moor.find::<Vpc>(Argument::new("VPC", &vpc)).await?).await,
        }
    }
}

async fn create(moor: &Invocation, vpc: Vpc) -> Result<Vpc, Failure> {
    let parent = moor.home.scope()?.to_string();
    let (request_id, validate_only) = moor.of_write();
    let message = CreateVpcRequest { parent, vpc: Some(vpc), request_id, validate_only };
    moor.write(&moor.resource, message, async |channel, request| {
        ResourceServiceClient::new(channel).create_vpc(request).await
    })
    .await
}

async fn list(moor: &Invocation, filtered: &Filtered) -> Result<Vec<Vpc>, Failure> {
    let parent = moor.home.scope()?.to_string();
    moor.pages(async |page_token| {
        let (parent, filter, order_by) = (parent.clone(), filtered.filter.clone(), filtered.order_by.clone());
        let message = ListVpcsRequest { parent, page_size: PAGE_SIZE, page_token, filter, order_by };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).list_vpcs(request).await;
        moor.resource.call(message, rpc).await.map(|page| (page.vpcs, page.next_page_token))
    })
    .await
}

deletable!(Vpc "VPC" "VPC" DeleteVpcRequest delete_vpc);

impl Resource for Vpc {
    fn reference(argument: Argument<'_>, home: &Home) -> Result<Reference, Failure> {
        Reference::scoped::<VpcKind>(argument, home)
    }

    async fn get(moor: &Invocation, name: String) -> Result<Self, Failure> {
        let rpc = async |channel, request| ResourceServiceClient::new(channel).get_vpc(request).await;
        moor.resource.call(GetVpcRequest { name }, rpc).await
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> &str {
        &self.display_name
    }
}

impl Row for Vpc {
    const PROTO: &'static str = "mooring.resource.v1.Vpc";
    const PLURAL: &'static str = "VPCs";
    const COLUMNS: &'static [&'static str] = &["NAME", "POSITION", "ID"];

    fn mentions(&self) -> Vec<&str> {
        Vec::new()
    }

    fn cells(&self, _: &Labels) -> Vec<String> {
        vec![self.display_name.clone(), self.position.to_string(), last_part(&self.name).to_owned()]
    }
}
