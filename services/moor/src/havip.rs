//! `moor havip`: private addresses that no interface owns.

mod rules;
mod update;

use clap::Subcommand;
use mooring_domain::id::Havip as HavipKind;
use mooring_proto::resource::v1::{
    BatchGetHavipsRequest, CreateHavipRequest, Damping, DeleteHavipRequest, GetHavipRequest, Havip,
    ListHavipsRequest, Subnet, Vnic, havip::ClaimPolicy, resource_service_client::ResourceServiceClient,
};

use crate::{
    delete::{deletable, delete},
    failure::Failure,
    filtered::Filtered,
    invocation::{Batch, Invocation, PAGE_SIZE, Resource},
    labels::Labels,
    output::Row,
    resolve::{Argument, Home, Reference, last_part},
    revision::Expected,
};

/// What can be done with HAVIPs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a HAVIP
    Create {
        /// Its display name, unique in the project and region
        name: String,
        /// The subnet: name, id or display name
        #[arg(long)]
        subnet: String,
        /// Its address in the subnet [default: the highest free one]
        #[arg(long)]
        address: Option<String>,
        /// A vNIC that may claim it: name, id or instance. Once for each member
        #[arg(long = "member", value_name = "VNIC")]
        members: Vec<String>,
        /// Who may claim it
        #[arg(long, value_enum, default_value = "members")]
        claims: rules::Claims,
        /// How long a new holder keeps it at least: off, or a step and a cap such as 1s/10s, a step more each time that somebody
        /// else claimed it meanwhile [default: 1s/10s]
        #[arg(long, value_name = "STEP/CAP", value_parser = rules::damping)]
        damping: Option<Damping>,
        /// Let who may claim it announce it over gRPC, too, with a lease: where gateways see nothing of it on layer 2
        #[arg(long)]
        announce: bool,
    },
    /// List the project's HAVIPs
    List {
        #[command(flatten)]
        filtered: Filtered,
    },
    /// Show one HAVIP, or several: all of them or none
    Get {
        /// Name, id or display name
        #[arg(value_name = "HAVIP", required = true)]
        havips: Vec<String>,
    },
    /// Change a HAVIP, also while an EIP fronts it: its members, who may claim it, its name
    Update(update::Update),
    /// Delete a HAVIP that no EIP fronts
    Delete {
        /// Name, id or display name
        havip: String,
        #[command(flatten)]
        expected: Expected,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::Create { name, subnet, address, members: instances, claims, damping, announce } => {
                let subnet = moor.named::<Subnet>(Argument::new("--subnet", &subnet))?;
                // An instance is unique in its subnet only: the server, which knows the subnet, finds the vNIC.
                let member = |instance: &String| {
                    let argument = Argument::new("--member", instance);
                    Vnic::reference(argument, &moor.home).map(|reference| reference.name)
                };
                let members = instances.iter().map(member).collect::<Result<_, _>>()?;
                let address = address.unwrap_or_default();
                let claim_policy = ClaimPolicy::from(claims).into();
                let havip = Havip { display_name: name, subnet, address, members, ..Default::default() };
                let havip = Havip { claim_policy, damping, announce, ..havip };
                moor.show(&create(moor, havip).await?).await
            }
            Self::List { filtered } => moor.show_all(&list(moor, &filtered).await?).await,
            Self::Get { havips } => moor.show_found::<Havip>("HAVIP", &havips).await,
            Self::Update(update) => update.run(moor).await,
            Self::Delete { havip, expected } => delete::<Havip>(moor, &havip, expected).await,
        }
    }
}

async fn create(moor: &Invocation, havip: Havip) -> Result<Havip, Failure> {
    let parent = moor.home.scope()?.to_string();
    let (request_id, validate_only) = moor.of_write();
    let message = CreateHavipRequest { parent, havip: Some(havip), request_id, validate_only };
    moor.write(&moor.resource, message, async |channel, request| {
        ResourceServiceClient::new(channel).create_havip(request).await
    })
    .await
    .map_err(|failure| {
        let failure = failure.of_argument("havip.subnet", "--subnet");
        failure.of_argument("havip.members", "--member").of_argument("havip.damping", "--damping")
    })
}

deletable!(Havip "HAVIP" "HAVIP" DeleteHavipRequest delete_havip);

async fn list(moor: &Invocation, filtered: &Filtered) -> Result<Vec<Havip>, Failure> {
    let parent = moor.home.scope()?.to_string();
    moor.pages(async |page_token| {
        let (parent, filter, order_by) = (parent.clone(), filtered.filter.clone(), filtered.order_by.clone());
        let message = ListHavipsRequest { parent, page_size: PAGE_SIZE, page_token, filter, order_by };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).list_havips(request).await;
        moor.resource.call(message, rpc).await.map(|page| (page.havips, page.next_page_token))
    })
    .await
}

impl Resource for Havip {
    fn reference(argument: Argument<'_>, home: &Home) -> Result<Reference, Failure> {
        Reference::scoped::<HavipKind>(argument, home)
    }

    async fn get(moor: &Invocation, name: String) -> Result<Self, Failure> {
        let rpc = async |channel, request| ResourceServiceClient::new(channel).get_havip(request).await;
        moor.resource.call(GetHavipRequest { name }, rpc).await
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> &str {
        &self.display_name
    }
}

impl Batch for Havip {
    async fn batch(moor: &Invocation, parent: String, names: Vec<String>) -> Result<Vec<Self>, Failure> {
        let rpc =
            async |channel, request| ResourceServiceClient::new(channel).batch_get_havips(request).await;
        Ok(moor.resource.call(BatchGetHavipsRequest { parent, names }, rpc).await?.havips)
    }
}

impl Row for Havip {
    const PROTO: &'static str = "mooring.resource.v1.Havip";
    const PLURAL: &'static str = "HAVIPs";
    const COLUMNS: &'static [&'static str] =
        &["NAME", "ADDRESS", "SUBNET", "VPC", "MEMBERS", "DAMPING", "BINDING", "POSITION", "ID"];

    fn mentions(&self) -> Vec<&str> {
        [&self.subnet, &self.vpc].into_iter().chain(&self.members).map(String::as_str).collect()
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        let any = (self.claim_policy() == ClaimPolicy::Subnet).then(|| "(any of the subnet)".to_owned());
        let members: Vec<String> = self.members.iter().map(|member| labels.of(member)).chain(any).collect();
        vec![
            self.display_name.clone(),
            self.address.clone(),
            labels.of(&self.subnet),
            labels.of(&self.vpc),
            members.join(" "),
            rules::written(self.damping.as_ref()),
            last_part(&self.binding).to_owned(),
            self.position.to_string(),
            last_part(&self.name).to_owned(),
        ]
    }

    fn more(&self, _: &Labels) -> Vec<(&'static str, String)> {
        vec![("ANNOUNCE", if self.announce { "on" } else { "off" }.to_owned())]
    }
}
