//! The command line: the flags that every verb takes, the nouns, and what `--help` says.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use mooring_domain::name::{ProjectId, RegionId};
use uuid::Uuid;

use crate::{
    binding,
    client::Role,
    completion, custody, diff, eip, explain, failovers,
    failure::{Exit, Failure},
    filtered::Filtered,
    gateway, havip, holder,
    invocation::Invocation,
    log,
    output::Format,
    pool, quota, ready, replay,
    servers::Servers,
    status, subnet, trace, vnic, vpc,
};

const AFTER_HELP: &str = "\
Names: wherever a thing is named, its full name (projects/P/regions/R/eips/ID), its id or its display name will do;
for an EIP its address too; the display name of a vNIC is its instance. --project and --region complete short names.

The log records who asked: MOORING_ACTOR, or else the user at this host.

Exit codes:
  0  done
  1  refused: a rule or the present state forbids it; the message says who is in the way
  2  the command line or an argument is wrong
  3  something named does not exist
  4  no answer: the server can't be reached, took too long, or is busy with the same thing. Try again: with the same
     --request-id a write is never done twice
  5  `moor status` or `moor diff A kernel` found a kernel that does not agree with the fold, or is not up to it yet
  6  the server failed, or it or a log said something that this moor does not understand

Errors are one message on stderr; with `-o json` one JSON object there.

Examples:
  moor eip allocate web --region r1 --project shop
  moor bind web front --wait
  moor holder front
  moor log --follow -o json
  moor log --eip web --kind bound,unbound --from 2026-11-21T19:00:00Z
  moor replay file:/var/lib/mooring --region r1 --at 2026-11-21T19:00:00Z";

/// Front a floating private address (HAVIP) with a public one (EIP), and see who holds it.
#[derive(Debug, Parser)]
#[command(name = "moor", version, after_help = AFTER_HELP, max_term_width = 120)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// The flags that every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags for every verb")]
pub struct Global {
    #[command(flatten)]
    pub servers: Servers,
    /// The project that short names belong to, and a member's own
    #[arg(long, global = true, value_name = "PROJECT", env = "MOORING_PROJECT")]
    pub project: Option<ProjectId>,
    /// Who asks: a member sees its project and nothing else; the server believes it, for now
    #[arg(long, global = true, value_enum, default_value = "operator", env = "MOORING_ROLE")]
    pub role: Role,
    /// The region that short names belong to
    #[arg(long, global = true, value_name = "REGION", env = "MOORING_REGION")]
    pub region: Option<RegionId>,
    /// Tables for people, or JSON with the API's field names for programs
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// The id of a write, so that trying it again is never doing it again [default: a fresh UUIDv7]
    #[arg(long, global = true, value_name = "UUID")]
    pub request_id: Option<Uuid>,
    /// Say what a write would answer and what would happen, and do nothing
    #[arg(long, visible_alias = "dry-run", global = true)]
    pub validate_only: bool,
    /// Read nothing older: what a write has answered as its position, of whichever server
    #[arg(long, global = true, value_name = "POSITION")]
    pub min_position: Option<u64>,
    /// Ask no server but this log, where it lies: file:FOLDER or FOLDER, a data folder or the folder of one region's log, of a
    /// stopped system, a backup, or beside the process that writes it
    #[arg(long, global = true, value_name = "PLACE")]
    pub log: Option<String>,
    /// How long one request may take, tries included; `log --follow` never ends by itself
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub timeout: Duration,
}

/// A noun, or a verb that needs none.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Pools of public addresses, the operator's
    #[command(subcommand)]
    Pool(pool::Verb),
    /// Quotas: how much a project may have in a region
    #[command(subcommand)]
    Quota(quota::Verb),
    /// VPCs; private addresses may repeat between them
    #[command(subcommand)]
    Vpc(vpc::Verb),
    /// Subnets of a VPC
    #[command(subcommand)]
    Subnet(subnet::Verb),
    /// vNICs: the interfaces of instances
    #[command(subcommand)]
    Vnic(vnic::Verb),
    /// HAVIPs: private addresses that no interface owns
    #[command(subcommand)]
    Havip(havip::Verb),
    /// EIPs: public addresses
    #[command(subcommand)]
    Eip(eip::Verb),
    /// Put an EIP in front of a HAVIP
    Bind(binding::Bind),
    /// Take an EIP off its HAVIP; done when every registered gateway has taken it out
    Unbind(binding::Unbind),
    /// Move an EIP from the HAVIP that it fronts to another
    Move(binding::Move),
    /// Bindings: which EIP fronts which HAVIP
    #[command(subcommand)]
    Binding(binding::Verb),
    /// Who holds a HAVIP now, or each of the project; with --watch every change, with --history who has held it
    Holder(holder::One),
    /// Who holds each HAVIP of the project
    Holders {
        #[command(flatten)]
        filtered: Filtered,
    },
    Failovers(failovers::Failovers),
    /// The gateways that carry the region's traffic
    #[command(subcommand)]
    Gateway(gateway::Verb),
    /// Whether kernels and the folded log agree (exit code 5 if not)
    Status(status::Status),
    /// Whether the server is ready, or each of several (exit code 4 if not)
    Ready,
    /// What happened: when, by whom, at which position
    Log(Box<log::Log>),
    Replay(replay::Replay),
    Diff(diff::Diff),
    Trace(trace::Trace),
    Custody(Box<custody::Custody>),
    Explain(explain::Explain),
    Completion(completion::Completion),
}

impl Arguments {
    /// Reads the process's command line. The error is an exit code, after its message was printed.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            if !error.use_stderr() || !wants_json(std::env::args()) {
                let _ = error.print();
                return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
            }
            let text = error.to_string();
            let message = text.trim().trim_start_matches("error: ").to_owned();
            Format::Json.failure(&Failure::usage(message))
        })
    }
}

impl Command {
    /// Does what was asked and prints it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        if moor.log.is_some() && !self.reads_a_log() {
            return Err(Failure::usage(
                "only log, replay, diff, trace, custody and explain can be answered from a log: leave --log out",
            ));
        }
        if moor.validate_only && !self.can_be_validated() {
            return Err(Failure::usage(
                "only what a service is asked for can be validated: leave --validate-only out",
            ));
        }
        match self {
            Self::Pool(verb) => verb.run(moor).await,
            Self::Quota(verb) => verb.run(moor).await,
            Self::Vpc(verb) => verb.run(moor).await,
            Self::Subnet(verb) => verb.run(moor).await,
            Self::Vnic(verb) => verb.run(moor).await,
            Self::Havip(verb) => verb.run(moor).await,
            Self::Eip(verb) => verb.run(moor).await,
            Self::Bind(bind) => bind.run(moor).await,
            Self::Unbind(unbind) => unbind.run(moor).await,
            Self::Move(moving) => moving.run(moor).await,
            Self::Binding(verb) => verb.run(moor).await,
            Self::Holder(one) => one.run(moor).await,
            Self::Failovers(failovers) => failovers.run(moor).await,
            Self::Holders { filtered } => holder::list(moor, &filtered).await,
            Self::Gateway(verb) => verb.run(moor).await,
            Self::Status(status) => status.run(moor).await,
            Self::Ready => ready::run(moor).await,
            Self::Log(log) => log.run(moor).await,
            Self::Replay(replay) => replay.run(moor).await,
            Self::Trace(trace) => trace.run(moor).await,
            Self::Custody(custody) => custody.run(moor).await,
            Self::Explain(explain) => explain.run(moor).await,
            Self::Diff(diff) => diff.run(moor).await,
            Self::Completion(completion) => completion.run(),
        }
    }
}

impl Command {
    /// Whether all that it may write is asked of a service.
    fn can_be_validated(&self) -> bool {
        matches!(
            self,
            Self::Pool(_)
                | Self::Vpc(_)
                | Self::Subnet(_)
                | Self::Vnic(_)
                | Self::Havip(_)
                | Self::Eip(_)
                | Self::Bind(_)
                | Self::Unbind(_)
                | Self::Move(_)
                | Self::Quota(_)
                | Self::Gateway(_)
        )
    }

    /// Whether a log where it lies can answer instead of a server.
    fn reads_a_log(&self) -> bool {
        matches!(
            self,
            Self::Log(_)
                | Self::Replay(_)
                | Self::Diff(_)
                | Self::Trace(_)
                | Self::Custody(_)
                | Self::Explain(_)
        )
    }
}

/// Whether JSON was asked for on a command line that could not be read.
fn wants_json(arguments: impl Iterator<Item = String>) -> bool {
    let arguments: Vec<String> = arguments.collect();
    let after_flag =
        arguments.windows(2).any(|pair| matches!(&*pair[0], "-o" | "--output") && pair[1] == "json");
    after_flag || arguments.iter().any(|a| matches!(&**a, "-ojson" | "-o=json" | "--output=json"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let expected = || "expected seconds, more than 0 and at most 86400, such as 30 or 0.5".to_owned();
    let seconds: f64 = text.parse().map_err(|_| expected())?;
    if seconds > 0.0 && seconds <= 86_400.0 { Ok(Duration::from_secs_f64(seconds)) } else { Err(expected()) }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    /// One line at least for each verb.
    const LINES: &[&str] = &[
        "moor pool create public 203.0.113.0/28 198.51.100.0/28",
        "moor pool create swift 203.0.113.0/28 --cooling 0s",
        "moor pool list",
        "moor pool get public",
        "moor pool update public --add-block 198.51.100.0/28 --remove-block 203.0.113.0/28 --display-name all",
        "moor pool drain public",
        "moor pool resume public --expected-revision 7",
        "moor pool delete public",
        "moor quota get",
        "moor quota update --eips 50 --havips-per-vpc 0 --expected-revision 7",
        "moor vpc create blue",
        "moor vpc list",
        "moor vpc get blue",
        "moor vpc delete blue",
        "moor subnet create web --vpc blue --cidr 10.0.1.0/24 --gateway 10.0.1.1",
        "moor subnet list",
        "moor subnet get web",
        "moor subnet create web --vpc blue --cidr 10.0.1.0/24 --reserve 10.0.1.240/28 --reserve 10.0.1.9/32",
        "moor subnet update web --reserve 10.0.1.8/32 --unreserve 10.0.1.9/32 --display-name front",
        "moor subnet delete web",
        "moor vnic create vm-a --subnet web --mac 02:00:00:00:00:0a --address 10.0.1.11",
        "moor vnic list",
        "moor vnic get vm-a",
        "moor vnic delete vm-a",
        "moor havip create front --subnet web --address 10.0.1.50 --member vm-a --member vm-b",
        "moor havip list",
        "moor havip get front",
        "moor havip delete front --expected-revision 7",
        "moor havip update front --add-member vm-c --remove-member vm-a --claims subnet --announce off",
        "moor havip update front --display-name back --damping 1s/10s --expected-revision 7",
        "moor eip allocate",
        "moor eip allocate web --address 203.0.113.7 --pool public",
        "moor eip allocate web --labels env=prod,tier= --description shop --delete-protection on",
        "moor eip update web --display-name shop --labels env=prod",
        "moor eip update 203.0.113.7 --delete-protection off",
        "moor eip list",
        "moor completion bash",
        "moor eip list --order-by address --show-cooling --min-position 7",
        "moor eip get web shop",
        "moor eip get 203.0.113.7",
        "moor eip release web --dry-run",
        "moor bind web front --wait",
        "moor move web back --wait",
        "moor unbind web",
        "moor binding list",
        "moor binding get 01976e2a-0000-7000-8000-000000000001",
        "moor holder front --watch --limit 7",
        "moor holder front --history",
        "moor holders",
        "moor gateway list",
        "moor gateway decommission gw-1",
        "moor status --verify",
        "moor ready --server http://gw-1:7444",
        "moor log --follow --after 7 --limit 20",
        "moor log file:/d --eip web --havip front --of-project shop --actor ann --kind bound --from 7 --to end",
        "moor log init nats://a:4222,nats://b:4222 r1 r2 --replicas 3 --nats-user ann --nats-password-file f",
        "moor log users --passwords d --region r1",
        "moor log verify file:/d --region r1",
        "moor custody 203.0.113.7 --at 2026-11-21T19:00:00Z",
        "moor custody 10.0.1.50 /d --vpc blue --from 2026-11-21T19:00:00Z --to end",
        "moor replay /d --at 12.3 --region r1 -o json",
        "moor replay /d --step --from 7 --to 12.3",
        "moor replay /d --as nft --vpc blue --inside in0 --outside out0 --hairpin",
        "moor replay /d --at 7 --in-namespace past",
        "moor explain web --log /d --at 12",
        "moor trace 10.0.1.50 198.51.100.10 --protocol udp --port 53 --log /d --at 12",
        "moor trace 198.51.100.10 203.0.113.7 --error unreachable --about 203.0.113.7 198.51.100.10",
        "moor replay --at 7 --region r1",
        "moor --log file:/d replay --at 7",
        "moor diff 7 end --log /d",
        "moor replay --step --from 7",
        "moor replay --as nft --vpc blue",
        "moor replay --at 7 --in-namespace past",
        "moor diff 7 end",
        "moor diff kernel --gateway http://gw-2:7444",
        "moor diff file:/d 0 2026-11-21T19:00:00+01:00",
        "moor log copy file:/d nats://a --region r1 --nats-monitor http://a:8222 --nats-ca f",
    ];

    #[test]
    fn every_verb_can_be_said() {
        for line in LINES {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
        }
    }

    #[test]
    fn failovers_are_asked_for_of_one_havip_or_of_all() {
        assert!(["moor failovers", "moor failovers front -o json"].iter().all(|line| parse(line).is_ok()));
    }

    #[test]
    fn flags_may_stand_after_the_verb() {
        let line = "moor eip list --region r1 --project shop -o json --timeout 0.5";
        let global = parse(line).unwrap().global;
        assert_eq!(global.region.unwrap().as_str(), "r1");
        assert_eq!(global.output, Format::Json);
        assert_eq!(global.timeout, Duration::from_millis(500));
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        for line in [
            "moor",
            "moor completion cmd",
            "moor bind web",
            "moor pool create public",
            "moor quota update",
            "moor eip update web --labels env",
            "moor eip update web --delete-protection yes",
            "moor eip list --timeout 0",
            "moor eip list --timeout nan",
            "moor eip list --request-id 7",
            "moor eip list --region Not/A/Region",
            "moor log --limit 0",
            "moor log --after 7 --from 7",
            "moor log --follow --to 7",
            "moor log /d --follow",
            "moor replay /d --from 7",
            "moor replay /d --as nft --in-namespace past",
            "moor replay /d --step --at 7",
            "moor diff file:/d 7 8 9",
            "moor holder --history",
            "moor havip update front",
            "moor pool update public",
            "moor subnet update web",
            "moor holder front --history --watch",
            "moor holder front --limit 7",
        ] {
            assert_eq!(parse(line).map(|_| ()).map_err(|error| error.exit_code()), Err(2), "{line}");
        }
    }

    #[test]
    fn json_is_seen_on_a_line_that_cannot_be_read() {
        let line =
            |text: &str| wants_json(text.split(' ').map(str::to_owned).collect::<Vec<_>>().into_iter());
        assert!(line("moor eip -o json nonsense"));
        assert!(line("moor --output=json nonsense"));
        assert!(!line("moor eip -o table nonsense"));
    }
}
