//! `moor diff A kernel`: what gateways' kernels have otherwise now than they should have had at a moment.

use mooring_domain::nat::{Difference, Element};
use mooring_proto::{convert, dataplane::v1::VpcKernel};
use serde_json::{Value, json};

use crate::{
    client::Client,
    failure::Failure,
    gateway::asked::Gateways,
    invocation::Invocation,
    json,
    past::server::Kernels,
    replay::{moment, region_of, sentence},
    resolve::{Argument, last_part},
    table,
};

/// What is said of rules that are not ours.
const RULES: &str = "tables, chains and rules";

/// Prints it; a failure when anything differs.
pub async fn run(moor: &Invocation, at: &str, gateways: &Gateways) -> Result<(), Failure> {
    let clients = gateways.clients(moor).await?;
    let clients: Vec<&Client> = [&moor.dataplane].into_iter().chain(&clients).collect();
    let (mut text, mut values, mut differing) = (vec![region_of(Some(moor.home.region()?))], Vec::new(), 0);
    for client in clients {
        let kernels = Kernels::ask(moor, client, Argument::new("A", at)).await?;
        let rows = rows(&kernels.vpcs)?;
        differing += rows.len();
        text.push(about(&kernels, &rows));
        let vpcs = kernels.vpcs.iter().map(|vpc| json::of("mooring.dataplane.v1.VpcKernel", vpc));
        values.push(json!({
            "gateway": kernels.gateway,
            "from": moment(&kernels.at),
            "agree": rows.is_empty(),
            "vpcs": vpcs.collect::<Result<Value, _>>()?,
        }));
    }
    let value = json!({
        "region": moor.home.region()?.as_str(),
        "agree": differing == 0,
        "gateways": values,
    });
    moor.output.say(&text.join("\n\n"), &value)?;
    if differing == 0 { Ok(()) } else { Err(Failure::out_of_sync(differing)) }
}

/// One gateway's, for people.
fn about(kernels: &Kernels, rows: &[Vec<String>]) -> String {
    let gateway = last_part(&kernels.gateway);
    let mut text = format!("from {}\nto   the kernels of gateway {gateway}, now\n", sentence(&kernels.at));
    for vpc in kernels.vpcs.iter().filter(|vpc| vpc.netns.is_empty()) {
        text.push_str(&format!("\nVPC {} does not live here", vpc.display_name));
    }
    match rows.is_empty() {
        true => text.push_str("\nnothing differs"),
        false => {
            let columns = ["VPC", "APPLIED", "WHAT", "ELEMENT", "FOUND"];
            text.push_str(&format!("\n{}", table::of_rows(&columns, rows)));
        }
    }
    text
}

/// A row for each thing that differs.
fn rows(vpcs: &[VpcKernel]) -> Result<Vec<Vec<String>>, Failure> {
    let mut rows = Vec::new();
    for vpc in vpcs {
        let row = |what: &str, element: String, found: String| {
            vec![vpc.display_name.clone(), vpc.applied_position.to_string(), what.to_owned(), element, found]
        };
        if !vpc.fault.is_empty() {
            rows.push(row("unknown", vpc.fault.clone(), String::new()));
        }
        if vpc.rules {
            rows.push(row("changed", RULES.to_owned(), "not ours any more".to_owned()));
        }
        for difference in &vpc.differences {
            let difference = convert::difference(difference.clone());
            let Difference { wanted, found } =
                difference.map_err(|error| Failure::bad_answer(error.to_string()))?;
            let text =
                |element: Option<Element>| element.map(|element| element.to_string()).unwrap_or_default();
            rows.push(match (wanted, found) {
                (None, found) => row("foreign", text(found), String::new()),
                (wanted, None) => row("missing", text(wanted), String::new()),
                (wanted, found) => row("changed", text(wanted), text(found)),
            });
        }
    }
    Ok(rows)
}
