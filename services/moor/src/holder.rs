//! `moor holder`, `moor holders`: who holds a HAVIP now.

use clap::Args;
use mooring_proto::{
    health::v1::{
        GetHolderRequest, Holder, ListHoldersRequest, health_service_client::HealthServiceClient,
        holder::State,
    },
    resource::v1::Havip,
};

use crate::{
    failure::Failure,
    invocation::{Invocation, PAGE_SIZE},
    labels::Labels,
    output::Row,
    resolve::{Argument, last_part},
    wire,
};

/// Who holds one HAVIP.
#[derive(Debug, Args)]
pub struct One {
    /// The HAVIP: name, id or display name
    havip: String,
}

impl One {
    /// Shows it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let havip = moor.name_of::<Havip>(Argument::new("HAVIP", &self.havip)).await?;
        let rpc = async |channel, request| HealthServiceClient::new(channel).get_holder(request).await;
        let holder = moor.health.call(GetHolderRequest { havip }, rpc).await?;
        moor.show(&holder).await
    }
}

/// Shows the holder of each HAVIP of the project.
pub async fn list(moor: &Invocation) -> Result<(), Failure> {
    let parent = moor.home.scope()?.to_string();
    let page = async |page_token| {
        let message = ListHoldersRequest { parent: parent.clone(), page_size: PAGE_SIZE, page_token };
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
