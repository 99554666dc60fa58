//! `moor subnet`: subnets of a VPC.

mod update;

use clap::Subcommand;
use mooring_domain::id::Subnet as SubnetKind;
use mooring_proto::resource::v1::{
    CreateSubnetRequest, DeleteSubnetRequest, GetSubnetRequest, ListSubnetsRequest, Subnet, Vpc,
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

/// What can be done with subnets.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a subnet
    Create {
        /// Its display name, unique in the project and region
        name: String,
        /// The VPC: name, id or display name
        #[arg(long)]
        vpc: String,
        /// Its block, such as 10.0.1.0/24; no two subnets of a VPC overlap
        #[arg(long)]
        cidr: String,
        /// The router's address in it [default: the first host address]
        #[arg(long, value_name = "ADDRESS")]
        gateway: Option<String>,
        /// A block of it of which no vNIC and no HAVIP takes an address, such as 10.0.1.240/28. Once for each
        #[arg(long = "reserve", value_name = "CIDR")]
        reserved: Vec<String>,
    },
    /// List the project's subnets
    List {
        #[command(flatten)]
        filtered: Filtered,
    },
    /// Show one subnet
    Get {
        /// Name, id or display name
        subnet: String,
    },
    /// Change a subnet's name or its reserved blocks
    Update(update::Update),
    /// Delete a subnet in which no vNIC and no HAVIP is
    Delete {
        /// Name, id or display name
        subnet: String,
        #[command(flatten)]
        expected: Expected,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::Create { name, vpc, cidr, gateway, reserved } => {
                let vpc = moor.named::<Vpc>(Argument::new("--vpc", &vpc))?;
                let gateway_address = gateway.unwrap_or_default();
                let subnet =
                    Subnet { display_name: name, vpc, cidr, gateway_address, reserved, ..Default::default() };
                moor.show(&create(moor, subnet).await?).await
            }
            Self::List { filtered } => moor.show_all(&list(moor, &filtered).await?).await,
            Self::Update(update) => update.run(moor).await,
            Self::Delete { subnet, expected } => delete::<Subnet>(moor, &subnet, expected).await,
            Self::Get { subnet } => {
                moor.show(&moor.find::<Subnet>(Argument::new("SUBNET", &subnet)).await?).await
            }
        }
    }
}

async fn create(moor: &Invocation, subnet: Subnet) -> Result<Subnet, Failure> {
    let parent = moor.home.scope()?.to_string();
    let (request_id, validate_only) = moor.of_write();
    let message = CreateSubnetRequest { parent, subnet: Some(subnet), request_id, validate_only };
    moor.write(&moor.resource, message, async |channel, request| {
        ResourceServiceClient::new(channel).create_subnet(request).await
    })
    .await
    .map_err(|failure| failure.of_argument("subnet.vpc", "--vpc"))
}

async fn list(moor: &Invocation, filtered: &Filtered) -> Result<Vec<Subnet>, Failure> {
    let parent = moor.home.scope()?.to_string();
    moor.pages(async |page_token| {
        let (parent, filter, order_by) = (parent.clone(), filtered.filter.clone(), filtered.order_by.clone());
        let message = ListSubnetsRequest { parent, page_size: PAGE_SIZE, page_token, filter, order_by };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).list_subnets(request).await;
        moor.resource.call(message, rpc).await.map(|page| (page.subnets, page.next_page_token))
    })
    .await
}

deletable!(Subnet "SUBNET" "subnet" DeleteSubnetRequest delete_subnet);

impl Resource for Subnet {
    fn reference(argument: Argument<'_>, home: &Home) -> Result<Reference, Failure> {
        Reference::scoped::<SubnetKind>(argument, home)
    }

    async fn get(moor: &Invocation, name: String) -> Result<Self, Failure> {
        let rpc = async |channel, request| ResourceServiceClient::new(channel).get_subnet(request).await;
        moor.resource.call(GetSubnetRequest { name }, rpc).await
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> &str {
        &self.display_name
    }
}

impl Row for Subnet {
    const PROTO: &'static str = "mooring.resource.v1.Subnet";
    const PLURAL: &'static str = "subnets";
    const COLUMNS: &'static [&'static str] =
        &["NAME", "VPC", "CIDR", "GATEWAY", "RESERVED", "POSITION", "ID"];

    fn mentions(&self) -> Vec<&str> {
        vec![&self.vpc]
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        vec![
            self.display_name.clone(),
            labels.of(&self.vpc),
            self.cidr.clone(),
            self.gateway_address.clone(),
            self.reserved.join(" "),
            self.position.to_string(),
            last_part(&self.name).to_owned(),
        ]
    }
}
