//! `moor explain`: why packets to and from an address go where they go, or what keeps them from it.

use clap::Args;
use mooring_proto::dataplane::v1::{
    Detail, ExplainRequest, ExplainResponse, Problem, explain_service_client::ExplainServiceClient,
};

use crate::{
    failure::Failure,
    invocation::Invocation,
    json,
    resolve::Argument,
    trace::{Asked, complete, origin, said, walk_text},
};

/// Explain an address: what it is, what the gateways do with packets to and from it, by which commit, and what keeps them from
/// passing
///
/// The gateway that answers is asked, and reads its kernel back; with --log a log where it lies, and with --at the past: then no
/// kernel is asked. What keeps packets from passing is said with what to do.
#[derive(Debug, Args)]
pub struct Explain {
    /// An address, or the name, id or display name of an EIP or HAVIP
    what: String,
    /// The VPC: name, id or display name [default: the only one that has the address]
    #[arg(long)]
    vpc: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

impl Explain {
    /// Prints it.
    pub async fn run(self, moor: &Invocation) -> Result<(), Failure> {
        let at = self.asked.at.clone().unwrap_or_default();
        let mut request = ExplainRequest {
            what: self.what,
            at: at.clone(),
            vpc: self.vpc.unwrap_or_default(),
            project: moor.home.project.as_ref().map(ToString::to_string).unwrap_or_default(),
            gateway: Some(self.asked.gateway()),
            ..ExplainRequest::default()
        };
        let answer = match moor.place(None)? {
            Some(place) => {
                let at = Argument::new("--at", if at.is_empty() { "end" } else { &at });
                let explained = mooring_past::explain(&place.fold(at)?, &request);
                let explained = explained.map_err(|rejection| said(Failure::of_rejection(&rejection)))?;
                let mut answer = explained.answer;
                complete(&place, &mut answer)?;
                answer
            }
            None => {
                request.parent = moor.home.regional_parent()?;
                let rpc = async |channel, request| ExplainServiceClient::new(channel).explain(request).await;
                moor.dataplane.call(request, rpc).await.map_err(said)?
            }
        };
        moor.output.say(&text(&answer), &json::of("mooring.dataplane.v1.ExplainResponse", &answer)?)
    }
}

fn text(answer: &ExplainResponse) -> String {
    let at = answer.folded.as_ref().map(|last| format!("as of {}", origin(last)));
    let mut blocks =
        vec![[Some(answer.what.clone()), at].into_iter().flatten().collect::<Vec<_>>().join("\n")];
    blocks.push(answer.facts.iter().map(fact).collect::<Vec<_>>().join("\n"));
    blocks.push(match answer.problems.is_empty() {
        true => "nothing keeps packets from passing".to_owned(),
        false => answer.problems.iter().map(problem).collect::<Vec<_>>().join("\n"),
    });
    let ways = [("to it", &answer.to), ("from it", &answer.from)];
    let ways = ways.into_iter().filter_map(|(which, walk)| Some((which, walk.as_ref()?)));
    blocks.extend(ways.map(|(which, walk)| format!("{which}:\n{}", walk_text(walk))));
    blocks.push(answer.kernel.join("\n"));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n\n")
}

fn fact(fact: &Detail) -> String {
    let from = fact.origin.as_ref().map(|from| format!("\n  by commit {}", origin(from)));
    format!("{}{}", fact.text, from.unwrap_or_default())
}

fn problem(problem: &Problem) -> String {
    let Problem { reason, what, remedy, runbook, .. } = problem;
    let since = problem.origin.as_ref().map(|from| format!("\n  since commit {}", origin(from)));
    let runbook = if runbook.is_empty() { String::new() } else { format!(" ({runbook})") };
    format!("✗ {reason}: {what}{}\n  to do: {remedy}{runbook}", since.unwrap_or_default())
}
