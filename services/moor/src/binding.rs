//! `moor bind`, `moor unbind`, `moor binding`: which EIP fronts which HAVIP.

mod watch;

use clap::{Args, Subcommand};
use mooring_domain::id::Binding as BindingKind;
use mooring_proto::{
    binding::v1::{
        BatchGetBindingsRequest, BindRequest, Binding, GetBindingRequest, ListBindingsRequest, MoveRequest,
        UnbindRequest, binding::State, binding_service_client::BindingServiceClient,
    },
    resource::v1::{Eip, Havip},
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
    watched::Watched,
};

/// Put an EIP in front of a HAVIP.
#[derive(Debug, Args)]
pub struct Bind {
    /// The EIP: name, id, display name or address
    eip: String,
    /// The HAVIP: name, id or display name. It must be in the EIP's region
    havip: String,
    /// Answer only when every registered gateway has it in its kernel
    #[arg(long)]
    wait: bool,
}

/// Move an EIP from the HAVIP that it fronts to another: a gap in its traffic, never an overlap.
#[derive(Debug, Args)]
pub struct Move {
    #[command(flatten)]
    pair: Bind,
    #[command(flatten)]
    expected: Expected,
}

/// Take an EIP off its HAVIP.
#[derive(Debug, Args)]
pub struct Unbind {
    /// The EIP: name, id, display name or address
    eip: String,
    #[command(flatten)]
    expected: Expected,
}

/// What can be read of bindings.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List the project's bindings, and those that failed in the last day
    List {
        #[command(flatten)]
        filtered: Filtered,
        #[command(flatten)]
        watched: Watched,
    },
    /// Show one binding, or several: all of them or none
    Get {
        /// Name or id
        #[arg(value_name = "BINDING", required = true)]
        bindings: Vec<String>,
        #[command(flatten)]
        watched: Watched,
    },
}

impl Bind {
    /// Binds.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let message = BindRequest {
            eip: moor.named::<Eip>(Argument::new("EIP", &self.eip))?,
            havip: moor.named::<Havip>(Argument::new("HAVIP", &self.havip))?,
            request_id: moor.request_id.clone(),
            wait_applied: self.wait,
            validate_only: moor.validate_only,
        };
        let rpc = async |channel, request| BindingServiceClient::new(channel).bind(request).await;
        let binding = moor.write(&moor.binding, message, rpc).await.map_err(of_arguments)?;
        show_bound(moor, &binding).await
    }
}

impl Move {
    /// Moves.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let Bind { eip, havip, wait } = self.pair;
        let message = MoveRequest {
            eip: moor.named::<Eip>(Argument::new("EIP", &eip))?,
            havip: moor.named::<Havip>(Argument::new("HAVIP", &havip))?,
            request_id: moor.request_id.clone(),
            wait_applied: wait,
            validate_only: moor.validate_only,
            expected_revision: self.expected.revision,
        };
        let rpc = async |channel, request| BindingServiceClient::new(channel).r#move(request).await;
        let binding = moor.write(&moor.binding, message, rpc).await.map_err(of_arguments)?;
        show_bound(moor, &binding).await
    }
}

fn of_arguments(failure: Failure) -> Failure {
    failure.of_argument("eip", "EIP").of_argument("havip", "HAVIP")
}

/// Refuses when it came out as FAILED.
async fn show_bound(moor: &Invocation, binding: &Binding) -> Result<(), Failure> {
    if binding.state() == State::Failed {
        return Err(Failure::bind_failed(&binding.failure));
    }
    moor.show(binding).await
}

impl Unbind {
    /// Unbinds.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let eip = moor.named::<Eip>(Argument::new("EIP", &self.eip))?;
        let (request_id, validate_only) = moor.of_write();
        let expected_revision = self.expected.revision;
        let message = UnbindRequest { eip, request_id, validate_only, expected_revision };
        let rpc = async |channel, request| BindingServiceClient::new(channel).unbind(request).await;
        let answer = moor.write(&moor.binding, message, rpc).await.map_err(of_arguments)?;
        let position = answer.position;
        let sentence = format!("EIP {} is free (asked for at position {position})", self.eip);
        moor.done(&sentence, json!({"position": position}))
    }
}

impl Verb {
    /// Does it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        match self {
            Self::List { filtered, watched } if watched.watch => {
                if !filtered.filter.is_empty() || !filtered.order_by.is_empty() {
                    return Err(Failure::usage(
                        "--watch tells of every binding as it changes: leave --filter and --order-by out",
                    ));
                }
                watch::run(moor, String::new(), watched.limit).await
            }
            Self::List { filtered, .. } => moor.show_all(&list(moor, &filtered).await?).await,
            Self::Get { bindings, watched } if watched.watch => {
                let [binding] = &bindings[..] else {
                    return Err(Failure::usage(
                        "--watch tells of one binding, or of all: `moor binding list --watch`",
                    ));
                };
                let name = moor.name_of::<Binding>(Argument::new("BINDING", binding)).await?;
                watch::run(moor, name, watched.limit).await
            }
            Self::Get { bindings, .. } => moor.show_found::<Binding>("BINDING", &bindings).await,
        }
    }
}

async fn list(moor: &Invocation, filtered: &Filtered) -> Result<Vec<Binding>, Failure> {
    let parent = moor.home.scope()?.to_string();
    moor.pages(async |page_token| {
        let (parent, filter, order_by) = (parent.clone(), filtered.filter.clone(), filtered.order_by.clone());
        let message = ListBindingsRequest { parent, page_size: PAGE_SIZE, page_token, filter, order_by };
        let rpc = async |channel, request| BindingServiceClient::new(channel).list_bindings(request).await;
        moor.binding.call(message, rpc).await.map(|page| (page.bindings, page.next_page_token))
    })
    .await
}

/// The word for the state of a binding.
pub fn state(binding: &Binding) -> &'static str {
    match binding.state() {
        State::Unspecified => "?",
        State::Associating => "ASSOCIATING",
        State::InUse => "IN_USE",
        State::Unassociating => "UNASSOCIATING",
        State::Failed => "FAILED",
    }
}

/// The display name, and the address where it is known and says more.
fn with_address(label: String, address: &str) -> String {
    if address.is_empty() || label == address { label } else { format!("{label} ({address})") }
}

fn applied(binding: &Binding) -> String {
    let gateways = binding.gateways.iter().map(|gateway| {
        let how = if gateway.applied { "applied" } else { "waiting" };
        format!("{}={how}", last_part(&gateway.gateway))
    });
    gateways.collect::<Vec<_>>().join(" ")
}

impl Resource for Binding {
    fn reference(argument: Argument<'_>, home: &Home) -> Result<Reference, Failure> {
        Reference::scoped::<BindingKind>(argument, home)
    }

    async fn get(moor: &Invocation, name: String) -> Result<Self, Failure> {
        let rpc = async |channel, request| BindingServiceClient::new(channel).get_binding(request).await;
        moor.binding.call(GetBindingRequest { name }, rpc).await
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> &str {
        last_part(&self.name)
    }
}

impl Batch for Binding {
    async fn batch(moor: &Invocation, parent: String, names: Vec<String>) -> Result<Vec<Self>, Failure> {
        let rpc =
            async |channel, request| BindingServiceClient::new(channel).batch_get_bindings(request).await;
        Ok(moor.binding.call(BatchGetBindingsRequest { parent, names }, rpc).await?.bindings)
    }
}

impl Row for Binding {
    const PROTO: &'static str = "mooring.binding.v1.Binding";
    const PLURAL: &'static str = "bindings";
    const COLUMNS: &'static [&'static str] =
        &["EIP", "HAVIP", "STATE", "GATEWAYS", "POSITION", "ID", "FAILURE"];

    fn mentions(&self) -> Vec<&str> {
        vec![&self.eip, &self.havip]
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        vec![
            with_address(labels.of(&self.eip), &self.eip_address),
            with_address(labels.of(&self.havip), &self.havip_address),
            state(self).to_owned(),
            applied(self),
            self.position.to_string(),
            last_part(&self.name).to_owned(),
            self.failure.clone(),
        ]
    }

    fn more(&self, _: &Labels) -> Vec<(&'static str, String)> {
        let left = Some(last_part(&self.moved_from)).filter(|left| !left.is_empty());
        left.into_iter().map(|left| ("MOVED FROM", left.to_owned())).collect()
    }
}
