//! `moor eip`: public addresses.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use mooring_domain::id::Eip as EipKind;
use mooring_proto::{
    mask::FieldMask,
    resource::v1::{
        AllocateEipRequest, BatchGetEipsRequest, Eip, GetEipRequest, ListEipsRequest, Pool,
        ReleaseEipRequest, UpdateEipRequest, eip::State, resource_service_client::ResourceServiceClient,
    },
};
use serde_json::json;

use crate::{
    failure::Failure,
    filtered::Filtered,
    invocation::{Batch, Invocation, PAGE_SIZE, Resource},
    labels::Labels,
    output::Row,
    resolve::{Argument, Home, Reference, last_part},
    revision::Expected,
    wire,
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
        #[command(flatten)]
        said: Said,
    },
    /// Change what is said about an EIP, bound or not: only what is given here changes
    Update {
        /// Name, id, display name or address
        eip: String,
        /// Its display name from now on; '' for the address
        #[arg(long = "display-name", alias = "name", value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        expected: Expected,
    },
    /// List the project's EIPs
    List {
        #[command(flatten)]
        filtered: Filtered,
        /// Released ones too, for as long as their addresses cool
        #[arg(long)]
        show_cooling: bool,
    },
    /// Show one EIP, or several: all of them or none
    Get {
        /// Name, id, display name or address
        #[arg(value_name = "EIP", required = true)]
        eips: Vec<String>,
    },
    /// Give an EIP that fronts nothing back to its pool
    Release {
        /// Name, id, display name or address
        eip: String,
        #[command(flatten)]
        expected: Expected,
    },
}

/// What a project says about its EIP.
#[derive(Debug, Args)]
pub struct Said {
    /// For people, at most 256 characters
    #[arg(long)]
    description: Option<String>,
    /// For programs, instead of those it has: KEY=VALUE, commas between them, '' for none
    #[arg(long, value_name = "LABELS", value_parser = pairs)]
    labels: Option<Pairs>,
    /// Whether it can't be released
    #[arg(long, value_name = "ON|OFF", value_parser = on_or_off)]
    delete_protection: Option<bool>,
}

/// Keys and values.
type Pairs = BTreeMap<String, String>;

fn pairs(text: &str) -> Result<Pairs, String> {
    let pair = |pair: &str| -> Result<(String, String), String> {
        let (key, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is not KEY=VALUE"))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    let mut pairs = Pairs::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let (key, value) = pair(part)?;
        if let Some(before) = pairs.insert(key.clone(), value.clone()) {
            return Err(format!("{key:?} is there twice, as {before:?} and as {value:?}"));
        }
    }
    Ok(pairs)
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("expected on or off".to_owned()),
    }
}

impl Said {
    /// The fields that are said.
    fn paths(&self) -> Vec<String> {
        let all = [
            ("description", self.description.is_some()),
            ("labels", self.labels.is_some()),
            ("delete_protection", self.delete_protection.is_some()),
        ];
        all.into_iter().filter(|(_, said)| *said).map(|(path, _)| path.to_owned()).collect()
    }

    fn eip(self) -> Eip {
        Eip {
            description: self.description.unwrap_or_default(),
            labels: self.labels.unwrap_or_default(),
            delete_protection: self.delete_protection.unwrap_or_default(),
            ..Eip::default()
        }
    }
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::Allocate { name, address, pool, said } => {
                let pool = match pool {
                    Some(pool) => moor.named::<Pool>(Argument::new("--pool", &pool))?,
                    None => String::new(),
                };
                let (display_name, address) = (name.unwrap_or_default(), address.unwrap_or_default());
                let eip = Eip { display_name, address, pool, ..said.eip() };
                moor.show(&allocate(moor, eip).await?).await
            }
            Self::List { filtered, show_cooling } => {
                moor.show_all(&list(moor, &filtered, show_cooling).await?).await
            }
            Self::Get { eips } => moor.show_found::<Eip>("EIP", &eips).await,
            Self::Update { eip, name, said, expected } => {
                moor.show(&update(moor, &eip, name, said, expected).await?).await
            }
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
    .map_err(|failure| {
        let failure = failure.of_argument("eip.pool", "--pool");
        failure.of_argument("eip.description", "--description").of_argument("eip.labels", "--labels")
    })
}

async fn update(
    moor: &Invocation,
    text: &str,
    label: Option<String>,
    said: Said,
    expected: Expected,
) -> Result<Eip, Failure> {
    let mut paths = said.paths();
    paths.extend(label.is_some().then(|| "display_name".to_owned()));
    if paths.is_empty() {
        let flags = "--display-name, --description, --labels or --delete-protection";
        return Err(Failure::usage(format!("what is to change? Say {flags}")));
    }
    let argument = Argument::new("EIP", text);
    let name = moor.named::<Eip>(argument)?;
    let eip = Some(Eip { name, display_name: label.unwrap_or_default(), ..said.eip() });
    let update_mask = Some(FieldMask { paths });
    let (request_id, validate_only) = moor.of_write();
    let expected_revision = expected.revision;
    let message = UpdateEipRequest { eip, update_mask, request_id, validate_only, expected_revision };
    let rpc = async |channel, request| ResourceServiceClient::new(channel).update_eip(request).await;
    moor.write(&moor.resource, message, rpc)
        .await
        .map_err(|failure| of_flags(failure).of_argument("eip.name", "EIP"))
}

/// A failure of what was said by a flag.
fn of_flags(failure: Failure) -> Failure {
    let flags = [
        ("eip.display_name", "--display-name"),
        ("eip.description", "--description"),
        ("eip.labels", "--labels"),
    ];
    flags.into_iter().fold(failure, |failure, (field, flag)| failure.of_argument(field, flag))
}

async fn release(moor: &Invocation, text: &str, expected: Expected) -> Result<(), Failure> {
    let eip = Argument::new("EIP", text);
    let name = moor.named::<Eip>(eip)?;
    let (request_id, validate_only) = moor.of_write();
    let message = ReleaseEipRequest { name, request_id, validate_only, expected_revision: expected.revision };
    let rpc = async |channel, request| ResourceServiceClient::new(channel).release_eip(request).await;
    let position =
        moor.write(&moor.resource, message, rpc).await.map_err(|failure| eip.failed(failure))?.position;
    moor.done(&format!("EIP {text} released at position {position}"), json!({"position": position}))
}

async fn list(moor: &Invocation, filtered: &Filtered, show_cooling: bool) -> Result<Vec<Eip>, Failure> {
    let parent = moor.home.scope()?.to_string();
    moor.pages(async |page_token| {
        let (parent, filter, order_by) = (parent.clone(), filtered.filter.clone(), filtered.order_by.clone());
        let message =
            ListEipsRequest { parent, page_size: PAGE_SIZE, page_token, filter, order_by, show_cooling };
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
        State::Cooling => "COOLING",
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

impl Batch for Eip {
    async fn batch(moor: &Invocation, parent: String, names: Vec<String>) -> Result<Vec<Self>, Failure> {
        let rpc = async |channel, request| ResourceServiceClient::new(channel).batch_get_eips(request).await;
        Ok(moor.resource.call(BatchGetEipsRequest { parent, names }, rpc).await?.eips)
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

    fn more(&self, _: &Labels) -> Vec<(&'static str, String)> {
        let labels: Vec<_> = self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let cools = (self.cooling_ends_at > 0).then(|| ("COOLS UNTIL", wire::time_ms(self.cooling_ends_at)));
        let said = [
            ("DESCRIPTION", self.description.clone()),
            ("LABELS", labels.join(",")),
            ("DELETE PROTECTION", if self.delete_protection { "on" } else { "off" }.to_owned()),
        ];
        said.into_iter().chain(cools).collect()
    }
}
