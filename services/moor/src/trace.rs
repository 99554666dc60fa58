//! `moor trace`: a packet walked through a gateway as the rules would treat it. None is sent.

mod text;

use clap::{Args, ValueEnum};
use mooring_past::{Names, commits_in_folder};
use mooring_proto::dataplane::v1::{
    GatewaySettings, QuotedPacket, Side, TracePacketRequest, TracePacketResponse,
    explain_service_client::ExplainServiceClient,
};

pub use text::{origin, walk as walk_text};

use crate::{failure::Failure, invocation::Invocation, json, past::Place, resolve::Argument};

/// Walk a packet through a gateway as the rules would treat it: each hook, rule, lookup and rewrite, and its end
///
/// No packet is sent. The rules are those of the gateways; the elements are those of the log, each shown with the commit that
/// put it there. The gateway that answers is asked, or with --log a log where it lies. What no log has (addresses and settings
/// of the gateway) can be said by flags.
#[derive(Debug, Args)]
pub struct Trace {
    /// The packet's source address
    #[arg(value_name = "FROM")]
    source: String,
    /// The packet's destination address
    #[arg(value_name = "TO")]
    destination: String,
    #[command(flatten)]
    asked: Asked,
    /// The VPC: name, id or display name [default: the only one that has one of the addresses]
    #[arg(long)]
    vpc: Option<String>,
    /// By which link it comes [default: inside, if FROM is in a subnet of the VPC]
    #[arg(long, value_enum)]
    side: Option<From>,
    /// The MAC that it comes from [default: of FROM's holder or vNIC]
    #[arg(long)]
    mac: Option<String>,
    /// icmp (an echo request), tcp, udp, or a number
    #[arg(long, default_value = "icmp")]
    protocol: String,
    /// Of TCP or UDP [default: 40000]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    source_port: Option<u16>,
    /// Of TCP or UDP [default: 80]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// How many routers it may pass
    #[arg(long, default_value = "64", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: u8,
    /// Its length in bytes, all headers included [default: what its headers need]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(1..))]
    length: Option<u16>,
    /// It must not be cut into fragments
    #[arg(long)]
    whole: bool,
    /// It is an ICMP error, about a datagram from TO to FROM unless --about says otherwise
    #[arg(long, value_enum, value_name = "KIND")]
    error: Option<Error>,
    /// The source and destination of the packet that the error quotes
    #[arg(long, num_args = 2, value_names = ["SOURCE", "DESTINATION"], requires = "error")]
    about: Vec<String>,
}

/// Where the answer comes from, and about which gateway.
#[derive(Clone, Debug, Args)]
pub struct Asked {
    /// As it was: POSITION, POSITION.INDEX, a time as in RFC 3339, or end
    #[arg(long, value_name = "MOMENT")]
    pub at: Option<String>,
    /// The operator's file says `hairpin = true` of the VPC
    #[arg(long)]
    hairpin: bool,
    /// The operator's file says `arp = false` of the VPC: EIPs are routed to the gateway
    #[arg(long)]
    routed: bool,
    /// The gateway's address on the outside
    #[arg(long, value_name = "ADDRESS")]
    outside_address: Option<String>,
    /// The largest packet that the link inside takes, in bytes
    #[arg(long, value_name = "BYTES")]
    inside_mtu: Option<u16>,
    /// The largest packet that the link outside takes, in bytes
    #[arg(long, value_name = "BYTES")]
    outside_mtu: Option<u16>,
}

/// A side of a gateway.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    /// From the VPC's subnets
    Inside,
    /// From the public network
    Outside,
}

/// An ICMP error.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Error {
    /// Destination unreachable, type 3
    Unreachable,
    /// Time exceeded, type 11
    TimeExceeded,
    /// Parameter problem, type 12
    ParameterProblem,
}

/// Fields of the request, and what says them on the command line.
const PLACES: [(&str, &str); 15] = [
    ("what", "WHAT"),
    ("source", "FROM"),
    ("destination", "TO"),
    ("at", "--at"),
    ("vpc", "--vpc"),
    ("mac", "--mac"),
    ("protocol", "--protocol"),
    ("source_port", "--source-port"),
    ("destination_port", "--port"),
    ("length", "--length"),
    ("about.source", "--about"),
    ("about.destination", "--about"),
    ("gateway.outside_address", "--outside-address"),
    ("gateway.inside_mtu", "--inside-mtu"),
    ("gateway.outside_mtu", "--outside-mtu"),
];

/// A failure in the words of the command line.
pub fn said(failure: Failure) -> Failure {
    PLACES.into_iter().fold(failure, |failure, (field, place)| failure.of_argument(field, place))
}

impl Asked {
    /// What no log has.
    pub fn gateway(&self) -> GatewaySettings {
        GatewaySettings {
            hairpin: self.hairpin,
            routed: self.routed,
            outside_address: self.outside_address.clone().unwrap_or_default(),
            inside_mtu: self.inside_mtu.unwrap_or_default().into(),
            outside_mtu: self.outside_mtu.unwrap_or_default().into(),
        }
    }
}

impl Trace {
    /// Prints it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let at = self.asked.at.clone().unwrap_or_default();
        let mut request = self.request();
        let traced = match moor.place(None)? {
            Some(place) => in_folder(&place, if at.is_empty() { "end" } else { &at }, &request)?,
            None => {
                request.parent = moor.home.regional_parent()?;
                request.at = at;
                let rpc =
                    async |channel, request| ExplainServiceClient::new(channel).trace_packet(request).await;
                moor.dataplane.call(request, rpc).await.map_err(said)?
            }
        };
        moor.output.say(&text::of(&traced), &json::of("mooring.dataplane.v1.TracePacketResponse", &traced)?)
    }

    fn request(self) -> TracePacketRequest {
        let gateway = Some(self.asked.gateway());
        let side = self.side.map_or(Side::Unspecified, |side| match side {
            From::Inside => Side::Inside,
            From::Outside => Side::Outside,
        });
        let [quoted_source, quoted_destination] = <[String; 2]>::try_from(self.about).unwrap_or_default();
        let about = self.error.map(|error| QuotedPacket {
            icmp_type: match error {
                Error::Unreachable => 3,
                Error::TimeExceeded => 11,
                Error::ParameterProblem => 12,
            },
            source: quoted_source,
            destination: quoted_destination,
            ..QuotedPacket::default()
        });
        TracePacketRequest {
            source: self.source,
            destination: self.destination,
            vpc: self.vpc.unwrap_or_default(),
            side: side.into(),
            mac: self.mac.unwrap_or_default(),
            protocol: self.protocol,
            source_port: self.source_port.unwrap_or_default().into(),
            destination_port: self.port.unwrap_or_default().into(),
            ttl: self.ttl.into(),
            length: self.length.unwrap_or_default().into(),
            whole: self.whole,
            about,
            gateway,
            ..TracePacketRequest::default()
        }
    }
}

fn in_folder(place: &Place, at: &str, request: &TracePacketRequest) -> Result<TracePacketResponse, Failure> {
    let folded = place.fold(Argument::new("--at", at))?;
    let traced = mooring_past::trace(&folded, request);
    let mut traced = traced.map_err(|rejection| said(Failure::of_rejection(&rejection)))?;
    complete(place, &mut traced)?;
    Ok(traced)
}

/// Says of each commit that an answer names who asked for it.
pub fn complete(place: &Place, answer: &mut impl Names) -> Result<(), Failure> {
    let commits = commits_in_folder(&place.folder, &answer.wanted());
    let commits = commits.map_err(|error| Failure::of_the_past(Argument::new("--log", ""), error))?;
    answer.complete(&commits);
    Ok(())
}
