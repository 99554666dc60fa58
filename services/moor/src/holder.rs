//! `moor holder`, `moor holders`: who holds a HAVIP now, who has held it, and who will.

mod watch;

use clap::Args;
use mooring_domain::event::Event;
use mooring_proto::{
    health::v1::{
        GetHolderRequest, Holder, ListHoldersRequest, health_service_client::HealthServiceClient,
        holder::State,
    },
    resource::v1::Havip,
};

use crate::{
    failure::Failure,
    filtered::Filtered,
    invocation::{Invocation, PAGE_SIZE},
    labels::Labels,
    log,
    output::Row,
    resolve::{Argument, last_part},
    watched::Watched,
    wire,
};

/// Who holds a HAVIP.
#[derive(Debug, Args)]
pub struct One {
    /// The HAVIP: name, id or display name [default: each of the project]
    havip: Option<String>,
    #[command(flatten)]
    watched: Watched,
    /// Who has held it, and who contested that, from the log; also of a HAVIP that was deleted
    #[arg(long, requires = "havip", conflicts_with = "watch")]
    history: bool,
}

impl One {
    /// Shows it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        if let (true, Some(havip)) = (self.history, &self.havip) {
            let kinds = Event::WORDS.iter().copied().filter(|kind| kind.starts_with("holder_"));
            return log::of_havip(moor, havip, kinds).await;
        }
        let havip = match &self.havip {
            Some(havip) => Some(moor.name_of::<Havip>(Argument::new("HAVIP", havip)).await?),
            None => None,
        };
        let havip = match (havip, self.watched.watch) {
            (havip, true) => return watch::run(moor, havip.unwrap_or_default(), self.watched.limit).await,
            (None, false) => return list(moor, &Filtered::default()).await,
            (Some(havip), false) => havip,
        };
        let rpc = async |channel, request| HealthServiceClient::new(channel).get_holder(request).await;
        let holder = moor.health.call(GetHolderRequest { havip }, rpc).await?;
        moor.show(&holder).await
    }
}

/// Shows the holder of each HAVIP of the project.
pub async fn list(moor: &Invocation, filtered: &Filtered) -> Result<(), Failure> {
    let parent = moor.home.scope()?.to_string();
    let page = async |page_token| {
        let (parent, filter, order_by) = (parent.clone(), filtered.filter.clone(), filtered.order_by.clone());
        let message = ListHoldersRequest { parent, page_size: PAGE_SIZE, page_token, filter, order_by };
        let rpc = async |channel, request| HealthServiceClient::new(channel).list_holders(request).await;
        moor.health.call(message, rpc).await.map(|page| (page.holders, page.next_page_token))
    };
    moor.show_all(&moor.pages(page).await?).await
}

impl Row for Holder {
    const PROTO: &'static str = "mooring.health.v1.Holder";
    const PLURAL: &'static str = "HAVIPs, so no holders";
    const COLUMNS: &'static [&'static str] =
        &["HAVIP", "ADDRESS", "HOLDER", "MAC", "SEEN BY", "SEEN AT", "POSITION"];

    fn mentions(&self) -> Vec<&str> {
        vec![&self.havip]
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        let holder = match self.state() {
            State::Held => self.instance.clone(),
            State::Contested => format!("{} (contested by {})", self.instance, self.rival_instance),
            State::Stale => format!("{} (silent since {})", self.instance, wire::time_ms(self.last_heard_at)),
            State::None => "nobody yet".to_owned(),
            State::Unspecified => "?".to_owned(),
        };
        vec![
            labels.of(&self.havip),
            self.address.clone(),
            holder,
            self.mac.clone(),
            last_part(&self.gateway).to_owned(),
            if self.observed_at == 0 { String::new() } else { wire::time_ms(self.observed_at) },
            self.position.to_string(),
        ]
    }
}
