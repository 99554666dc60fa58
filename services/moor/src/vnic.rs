//! `moor vnic`: the interfaces of instances.

use clap::Subcommand;
use mooring_domain::id::Vnic as VnicKind;
use mooring_proto::resource::v1::{
    CreateVnicRequest, DeleteVnicRequest, GetVnicRequest, ListVnicsRequest, Subnet, Vnic,
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

/// What can be done with vNICs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a vNIC
    Create {
        /// The instance's name, unique in the subnet: also the vNIC's display name
        instance: String,
        /// The subnet: name, id or display name
        #[arg(long)]
        subnet: String,
        /// Its MAC address, such as 02:00:00:00:00:0a; unique in the VPC
        #[arg(long)]
        mac: String,
        /// Its own address in the subnet, unique in the VPC
        #[arg(long)]
        address: String,
    },
    /// List the project's vNICs
    List {
        #[command(flatten)]
        filtered: Filtered,
    },
    /// Show one vNIC
    Get {
        /// Name, id or instance
        vnic: String,
    },
    /// Delete a vNIC that is a member of no HAVIP. If it holds one that is open to its subnet, it loses it at once
    Delete {
        /// Name, id or instance
        vnic: String,
        #[command(flatten)]
        expected: Expected,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::Create { instance, subnet, mac, address } => {
                let subnet = moor.named::<Subnet>(Argument::new("--subnet", &subnet))?;
                let vnic = Vnic { instance, subnet, mac, address, ..Default::default() };
                moor.show(&create(moor, vnic).await?).await
            }
            Self::List { filtered } => moor.show_all(&list(moor, &filtered).await?).await,
            Self::Delete { vnic, expected } => delete::<Vnic>(moor, &vnic, expected).await,
            Self::Get { vnic } => moor.show(&moor.find::<Vnic>(Argument::new("VNIC", &vnic)).await?).await,
        }
    }
}

async fn create(moor: &Invocation, vnic: Vnic) -> Result<Vnic, Failure> {
    let parent = moor.home.scope()?.to_string();
    let (request_id, validate_only) = moor.of_write();
    let message = CreateVnicRequest { parent, vnic: Some(vnic), request_id, validate_only };
    moor.write(&moor.resource, message, async |channel, request| {
        ResourceServiceClient::new(channel).create_vnic(request).await
    })
    .await
    .map_err(|failure| failure.of_argument("vnic.subnet", "--subnet"))
}

async fn list(moor: &Invocation, filtered: &Filtered) -> Result<Vec<Vnic>, Failure> {
    let parent = moor.home.scope()?.to_string();
    moor.pages(async |page_token| {
        let (parent, filter, order_by) = (parent.clone(), filtered.filter.clone(), filtered.order_by.clone());
        let message = ListVnicsRequest { parent, page_size: PAGE_SIZE, page_token, filter, order_by };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).list_vnics(request).await;
        moor.resource.call(message, rpc).await.map(|page| (page.vnics, page.next_page_token))
    })
    .await
}

deletable!(Vnic "VNIC" "vNIC" DeleteVnicRequest delete_vnic);

impl Resource for Vnic {
    fn reference(argument: Argument<'_>, home: &Home) -> Result<Reference, Failure> {
        Reference::scoped::<VnicKind>(argument, home)
    }

    async fn get(moor: &Invocation, name: String) -> Result<Self, Failure> {
        let rpc = async |channel, request| ResourceServiceClient::new(channel).get_vnic(request).await;
        moor.resource.call(GetVnicRequest { name }, rpc).await
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> &str {
        &self.instance
    }
}

impl Row for Vnic {
    const PROTO: &'static str = "mooring.resource.v1.Vnic";
    const PLURAL: &'static str = "vNICs";
    const COLUMNS: &'static [&'static str] = &["INSTANCE", "SUBNET", "MAC", "ADDRESS", "POSITION", "ID"];

    fn mentions(&self) -> Vec<&str> {
        vec![&self.subnet]
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        vec![
            self.instance.clone(),
            labels.of(&self.subnet),
            self.mac.clone(),
            self.address.clone(),
            self.position.to_string(),
            last_part(&self.name).to_owned(),
        ]
    }
}
