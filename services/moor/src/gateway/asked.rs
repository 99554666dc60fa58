//! `--gateway`, of the verbs that ask gateways: by the URL of its dataplane-sync, or by its name, if its URL is known.

use clap::Args;

use crate::{
    client::Client,
    failure::Failure,
    invocation::Invocation,
    resolve::{Argument, Reference},
    servers::Server,
    status,
};

/// Where the URLs of gateways are known from.
const KNOWN: &str = "MOORING_GATEWAYS";

/// The gateways that are to answer for themselves.
#[derive(Clone, Debug, Default, Args)]
pub struct Gateways {
    /// One more gateway that is to answer for itself: the URL of its dataplane-sync; or its name, if its URL is one of
    /// MOORING_GATEWAYS [default: all of these]
    #[arg(long = "gateway", value_name = "GATEWAY", env = KNOWN, value_delimiter = ',')]
    said: Vec<String>,
}

impl Gateways {
    /// The ways to them, besides the one that is always asked.
    pub async fn clients(&self, moor: &Invocation) -> Result<Vec<Client>, Failure> {
        let mut clients = Vec::new();
        for text in self.said.iter().filter(|text| !text.is_empty()) {
            match is_url(text) {
                true => clients.push(moor.dataplane.beside(Server::of_gateway(text))?),
                false => clients.extend(called(moor, text).await?),
            }
        }
        Ok(clients)
    }
}

/// Names have no colon.
fn is_url(text: &str) -> bool {
    text.contains(':')
}

/// The one of the known gateways that says that this is its name; none: it is the one that is asked anyway.
async fn called(moor: &Invocation, text: &str) -> Result<Option<Client>, Failure> {
    let argument = Argument::new("--gateway", text);
    let name = Reference::regional(argument, "gateways", "gateway", &moor.home)?.name;
    if status::ask(moor, &moor.dataplane, false).await?.gateway == name {
        return Ok(None);
    }
    let known = std::env::var(KNOWN).unwrap_or_default();
    for url in known.split(',').filter(|url| is_url(url)) {
        let client = moor.dataplane.beside(Server::of_gateway(url))?;
        // One that does not answer may be another.
        if status::ask(moor, &client, false).await.is_ok_and(|status| status.gateway == name) {
            return Ok(Some(client));
        }
    }
    let what = format!(
        "no gateway that is known and answers is called {text}; give its URL, or name that in {KNOWN}"
    );
    Err(Failure::argument(argument, &what))
}

/// The full name of a gateway that is named, or whose dataplane-sync is at this URL.
pub async fn name(moor: &Invocation, argument: Argument<'_>) -> Result<String, Failure> {
    if !is_url(argument.text) {
        return Ok(Reference::regional(argument, "gateways", "gateway", &moor.home)?.name);
    }
    let client = moor.dataplane.beside(Server::of_gateway(argument.text))?;
    Ok(status::ask(moor, &client, false).await?.gateway)
}
