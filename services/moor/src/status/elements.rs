//! Which elements two gateways do not have in common. Both lists come in the same order: they are walked side by side, and
//! no further than to the last element that is named.

use mooring_domain::nat::Element;
use mooring_proto::{
    convert,
    dataplane::v1::{
        ListElementsRequest, ListElementsResponse, Status as Dataplane,
        dataplane_service_client::DataplaneServiceClient,
    },
};
use tonic::Streaming;

use super::compared::Compared;
use crate::{client::Client, failure::Failure, labels::Labels, resolve::last_part};

/// Elements that are named for two gateways.
const NAMED: usize = 20;

/// What the gateways that were asked do not have in common with the first of them. Routes are each gateway's own matter.
pub async fn differing(
    of: &Compared,
    clients: &[&Client],
    asked: &[Dataplane],
    labels: &Labels,
) -> Result<Vec<String>, Failure> {
    let mut all = Vec::new();
    let here = |dataplane: &Dataplane| {
        let vpc = dataplane.vpcs.iter().find(|vpc| last_part(&vpc.vpc) == of.vpc);
        vpc.filter(|vpc| !vpc.netns.is_empty()).map(|vpc| vpc.vpc.clone())
    };
    let mut gateways = clients
        .iter()
        .zip(asked)
        .filter_map(|(client, dataplane)| Some((*client, last_part(&dataplane.gateway), here(dataplane)?)));
    let Some((first, first_name, first_vpc)) = gateways.next() else { return Ok(all) };
    for (other, name, vpc) in gateways {
        let mut one = Elements::read(first, &first_vpc).await?;
        let mut two = Elements::read(other, &vpc).await?;
        let says = |element, has: &str, lacks: &str| {
            format!("VPC {}: {element} is at {has} and not at {lacks}", labels.of(&of.vpc))
        };
        let mut named = 0;
        while named < NAMED {
            let (left, right) = (one.next().await?, two.next().await?);
            let (element, has, lacks) = match (left, right) {
                (None, None) => break,
                (Some(left), Some(right)) if left == right => continue,
                (Some(left), right) if right.is_none_or(|right| left < right) => {
                    two.back = right;
                    (left, first_name, name)
                }
                (left, Some(right)) => {
                    one.back = left;
                    (right, name, first_name)
                }
                (Some(left), None) => (left, first_name, name),
            };
            named += 1;
            all.push(says(element, has, lacks));
        }
    }
    Ok(all)
}

/// One gateway's elements of a VPC, one after the other.
struct Elements<'a> {
    client: &'a Client,
    answers: Streaming<ListElementsResponse>,
    ahead: std::vec::IntoIter<mooring_proto::event::v1::Element>,
    /// What was looked at and is not done with.
    back: Option<Element>,
}

impl<'a> Elements<'a> {
    async fn read(client: &'a Client, vpc: &str) -> Result<Self, Failure> {
        let request = client.endless(ListElementsRequest { parent: vpc.to_owned() });
        let answers = DataplaneServiceClient::new(client.channel()).list_elements(request).await;
        let answers = answers.map_err(|status| client.failure(&status))?.into_inner();
        Ok(Self { client, answers, ahead: Vec::new().into_iter(), back: None })
    }

    async fn next(&mut self) -> Result<Option<Element>, Failure> {
        if let Some(element) = self.back.take() {
            return Ok(Some(element));
        }
        loop {
            for element in self.ahead.by_ref() {
                let element =
                    convert::element(element).map_err(|error| Failure::bad_answer(error.to_string()))?;
                if !matches!(element, Element::Route(_)) {
                    return Ok(Some(element));
                }
            }
            match self.answers.message().await.map_err(|status| self.client.failure(&status))? {
                Some(answer) => self.ahead = answer.elements.into_iter(),
                None => return Ok(None),
            }
        }
    }
}
