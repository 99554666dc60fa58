//! `moor eip`: public addresses.

use clap::Subcommand;
use mooring_domain::id::Eip as EipKind;
use mooring_proto::resource::v1::{
    AllocateEipRequest, Eip, GetEipRequest, ListEipsRequest, Pool, ReleaseEipRequest, eip::State,
    resource_service_client::ResourceServiceClient,
};
use serde_json::json;

use crate::{
    failure::Failure,
    invocation::{Invocation, PAGE_SIZE, Resource},
    labels::Labels,
    output::Row,
    resolve::{Argument, Home, Reference, last_part},
    revision::Expected,
};

/// What can be done with EIPs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Take an address out of a pool for the project
    Allocate {
        /// Its display name, unique in the project and region [default: the address]
        name: Option<String>,
        /// Which address [default: the lowest free one of the pool]
        #[arg(long)]
        address: Option<String>,
        /// Which pool: name, id or display name [default: the one that has the address, or the first with a free one]
        #[arg(long)]
        pool: Option<String>,
    },
    /// List the project's EIPs
    List,
    /// Show one EIP
    Get {
        /// Name, id, display name or address
        eip: String,
    },
    /// Give an EIP that fronts nothing back to its pool
    Release {
        /// Name, id, display name or address
        eip: String,
        #[command(flatten)]
        expected: Expected,
    },
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::Allocate { name, address, pool } => {
                let pool = match pool {
                    Some(pool) => moor.name_of::<Pool>(Argument::new("--pool", &pool)).await?,
                    None => String::new(),
                };
                let (display_name, address) = (name.unwrap_or_default(), address.unwrap_or_default());
                let eip = Eip { display_name, address, pool, ..Default::default() };
                moor.show(&allocate(moor, eip).await?).await
            }
            Self::List => moor.show_all(&list(moor).await?).await,
            Self::Get { eip } => moor.show(&moor.find::<Eip>(Argument::new("EIP", &eip)).await?).await,
            Self::Release { eip, expected } => release(moor, &eip, expected).await,
        }
    }
}

async fn allocate(moor: &Invocation, eip: Eip) -> Result<Eip, Failure> {
    let parent = moor.home.scope()?.to_string();
    let (request_id, validate_only) = moor.of_write();
    let message = AllocateEipRequest { parent, eip: Some(eip), request_id, validate_only };
    moor.write(&moor.resource, message, async |channel, request| {
        ResourceServiceClient::new(channel).allocate_eip(request).await
    })
    .await
}

async fn release(moor: &Invocation, text: &str, expected: Expected) -> Result<(), Failure> {
    let eip = Argument::new("EIP", text);
    let name = moor.name_of::<Eip>(eip).await?;
    let (request_id, validate_only) = moor.of_write();
    let message = ReleaseEipRequest { name, request_id, validate_only, expected_revision: expected.revision };
    let rpc = async |channel, request| ResourceServiceClient::new(channel).release_eip(request).await;
    let position =
        moor.write(&moor.resource, message, rpc).await.map_err(|failure| eip.failed(failure))?.position;
    moor.done(&format!("EIP {text} released at position {position}"), json!({"position": position}))
}

async fn list(moor: &Invocation) -> Result<Vec<Eip>, Failure> {
    let parent = moor.home.scope()?.to_string();
    moor.pages(async |page_token| {
        let message = ListEipsRequest { parent: parent.clone(), page_size: PAGE_SIZE, page_token };
        let rpc = async |channel, request| ResourceServiceClient::new(channel).list_eips(request).await;
        moor.resource.call(message, rpc).await.map(|page| (page.eips, page.next_page_token))
    })
    .await
}

fn state(eip: &Eip) -> &'static str {
    match eip.state() {
        State::Unspecified => "?",
        State::Available => "AVAILABLE",
        State::Associating => "ASSOCIATING",
        State::InUse => "IN_USE",
        State::Unassociating => "UNASSOCIATING",
    }
}

impl Resource for Eip {
    fn reference(argument: Argument<'_>, home: &Home) -> Result<Reference, Failure> {
        Reference::scoped::<EipKind>(argument, home)
    }

    async fn get(moor: &Invocation, name: String) -> Result<Self, Failure> {
        let rpc = async |channel, request| ResourceServiceClient::new(channel).get_eip(request).await;
        moor.resource.call(GetEipRequest { name }, rpc).await
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> &str {
        &self.display_name
    }
}

impl Row for Eip {
    const PROTO: &'static str = "mooring.resource.v1.Eip";
    const PLURAL: &'static str = "EIPs";
    const COLUMNS: &'static [&'static str] =
        &["NAME", "ADDRESS", "STATE", "POOL", "BINDING", "POSITION", "ID"];

    fn mentions(&self) -> Vec<&str> {
        vec![&self.pool]
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        vec![
            self.display_name.clone(),
            self.address.clone(),
            state(self).to_owned(),
            labels.of(&self.pool),
            last_part(&self.binding).to_owned(),
            self.position.to_string(),
            last_part(&self.name).to_owned(),
        ]
    }
}
