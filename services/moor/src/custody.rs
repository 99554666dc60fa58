//! `moor custody`: who held an address, from when to when; from a server, or from a log where it lies.

use std::ops::ControlFlow;

use clap::Args;
use mooring_domain::{Timestamp, id::Vpc};
use mooring_event_log::walk;
use mooring_ledger::commits;
use mooring_past::{CustodyAsked, Moment, NoAnswer};
use mooring_proto::dataplane::v1::{
    Custody as Span, CustodyChange, ListCustodyRequest, ListCustodyResponse,
    custody_service_client::CustodyServiceClient,
};

use crate::{
    client::LARGEST_ANSWER,
    failure::Failure,
    invocation::Invocation,
    labels::Labels,
    output::Row,
    past::Place,
    resolve::{Argument, Home, Reference, last_part},
    wire,
};

/// How many spans a page has.
const PAGE: i32 = 1000;
/// The fields of the request, and the arguments that they are made from.
const FIELDS: [(&str, &str); 4] =
    [("address", "ADDRESS"), ("vpc", "--vpc"), ("recorded_from", "--from"), ("recorded_to", "--to")];

/// Show who held a public or a private address: project, EIP, HAVIP, binding and vNIC, a line for each time in which nothing of
/// that changed
///
/// Each line begins with a commit, and with when it was recorded; of a holder change also with when a gateway saw it, by that
/// gateway's clock. An EIP counts as bound until every gateway has taken it out. Times are UTC.
#[derive(Debug, Args)]
pub struct Custody {
    /// The address
    address: String,
    /// A log that is read where it lies: file:FOLDER or FOLDER, a data folder or the folder of one region's log
    place: Option<String>,
    /// Who held it at this time, as in RFC 3339, or end
    #[arg(long, value_name = "TIME", conflicts_with_all = ["from", "to"])]
    at: Option<String>,
    /// Who held it from this time on
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Who held it up to this time
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Of a private address: in this VPC only, since private addresses repeat between VPCs
    #[arg(long, value_name = "VPC")]
    vpc: Option<String>,
}

impl Custody {
    /// Prints it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let place = moor.place(self.place.as_deref())?;
        let region = moor.home.region.clone().or(place.as_ref().and_then(|place| place.region.clone()));
        let home = Home { region, ..moor.home.clone() };
        let request = self.request(&home)?;
        let spans = match &place {
            Some(place) => read(moor, place, &home, &request)?,
            None => {
                let parent = moor.home.regional_parent()?;
                ask(moor, ListCustodyRequest { parent, ..request }).await?
            }
        };
        let labels = match place {
            None if moor.output == crate::output::Format::Table => {
                Labels::read(moor, spans.iter().map(|span| &*span.vpc)).await
            }
            _ => Labels::default(),
        };
        moor.output.all(&spans, &labels)
    }

    fn request(&self, home: &Home) -> Result<ListCustodyRequest, Failure> {
        let vpc =
            self.vpc.as_deref().map(|text| Reference::scoped::<Vpc>(Argument::new("--vpc", text), home));
        let (from, to) = match &self.at {
            Some(at) => {
                let at = time("--at", at)?;
                (at, at)
            }
            None => {
                let time =
                    |place, text: &Option<String>| text.as_deref().map(|text| time(place, text)).transpose();
                (time("--from", &self.from)?.unwrap_or(0), time("--to", &self.to)?.unwrap_or(0))
            }
        };
        Ok(ListCustodyRequest {
            address: self.address.clone(),
            vpc: vpc.transpose()?.map(|vpc| vpc.name).unwrap_or_default(),
            recorded_from: from,
            recorded_to: to,
            page_size: PAGE,
            ..Default::default()
        })
    }
}

/// Nanoseconds since the Unix epoch.
fn time(place: &'static str, text: &str) -> Result<u64, Failure> {
    let argument = Argument::new(place, text);
    match Moment::parse(text).map_err(|error| Failure::of_the_past(argument, error))? {
        Moment::Time(Timestamp(time)) => Ok(time),
        Moment::End => Ok(mooring_ledger::now().0),
        _ => {
            let what = format!("{text:?} is no time: expected one as in RFC 3339, or end");
            Err(Failure::argument(argument, &what))
        }
    }
}

fn failed(failure: Failure) -> Failure {
    FIELDS.iter().fold(failure, |failure, (field, argument)| failure.of_argument(field, argument))
}

async fn ask(moor: &Invocation, request: ListCustodyRequest) -> Result<Vec<Span>, Failure> {
    let page = async |page_token| {
        let message = ListCustodyRequest { page_token, ..request.clone() };
        let rpc = async |channel, request| {
            let client = CustodyServiceClient::new(channel).max_decoding_message_size(LARGEST_ANSWER);
            { client }.list_custody(request).await
        };
        let answer = moor.dataplane.call(message, rpc).await.map_err(failed)?;
        Ok((answer.custody, answer.next_page_token))
    };
    moor.pages(page).await
}

/// The same from a log that is read through.
fn read(
    moor: &Invocation,
    place: &Place,
    home: &Home,
    request: &ListCustodyRequest,
) -> Result<Vec<Span>, Failure> {
    let of_status = |status| failed(moor.dataplane.failure(&status));
    let asked = CustodyAsked::parse(request, home.region.as_ref()).map_err(of_status)?;
    let (mut custodian, mut unreadable, mut reached) = (asked.custodian(), None, false);
    let walked = walk(&place.folder, |record| {
        let later = record.commits.first().map(|commit| Timestamp(commit.recorded_at));
        reached = asked.to.zip(later).is_some_and(|(to, first)| first > to);
        match (reached, commits(record)) {
            (true, _) => return ControlFlow::Break(()),
            (false, Ok(commits)) => commits.iter().for_each(|commit| custodian.commit(commit)),
            (false, Err(error)) => {
                unreadable = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    let nothing = |no_answer| Err(Failure::of_the_past(Argument::new("PLACE", ""), no_answer));
    if let Some(error) = unreadable {
        return nothing(NoAnswer::Unreadable(error));
    }
    if let Some(damage) = walked.damage.filter(|_| !reached) {
        let whole = mooring_domain::Position(walked.whole.position.0);
        return nothing(NoAnswer::Damaged { damage, whole });
    }
    let (mut spans, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListCustodyRequest { page_token, ..request.clone() };
        let page = CustodyAsked::parse(&request, home.region.as_ref()).map_err(of_status)?;
        let ListCustodyResponse { custody, next_page_token } = page.answer(&custodian).map_err(of_status)?;
        spans.extend(custody);
        if next_page_token.is_empty() {
            return Ok(spans);
        }
        page_token = next_page_token;
    }
}

impl Row for Span {
    const PROTO: &'static str = "mooring.dataplane.v1.Custody";
    const PLURAL: &'static str = "times in which anybody held it";
    const COLUMNS: &'static [&'static str] = &[
        "FROM", "RECORDED", "OBSERVED", "TO", "PROJECT", "EIP", "VPC", "HAVIP", "HELD BY", "MAC", "BINDING",
    ];

    fn mentions(&self) -> Vec<&str> {
        vec![&self.vpc]
    }

    fn cells(&self, labels: &Labels) -> Vec<String> {
        let thing = |name: &str, address: &str| match (name, address) {
            ("", "") => "-".to_owned(),
            (name, address) if name == address => address.to_owned(),
            (name, address) => format!("{name} ({address})"),
        };
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let began = self.began.clone().unwrap_or_default();
        let at = |change: &CustodyChange| format!("{}.{}", change.position, change.index);
        let observed = if began.observed_at == 0 { "-".to_owned() } else { wire::time_ms(began.observed_at) };
        vec![
            format!("{} {}", at(&began), began.kind),
            wire::time_ms(began.recorded_at),
            observed,
            self.ended.as_ref().map_or("-".to_owned(), |ended| {
                format!("{} {}", at(ended), wire::time_ms(ended.recorded_at))
            }),
            self.project.clone(),
            thing(&self.eip_display_name, &self.eip_address),
            if self.vpc.is_empty() { "-".to_owned() } else { labels.of(&self.vpc) },
            thing(&self.havip_display_name, &self.havip_address),
            thing(&self.instance, &self.vnic_address),
            or_dash(&self.mac),
            or_dash(last_part(&self.binding)),
        ]
    }
}
