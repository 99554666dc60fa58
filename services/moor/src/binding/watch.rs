//! `moor binding list --watch`: what fronts what now, and then every change, over restarts of the server.

use std::ops::ControlFlow;

use mooring_domain::id;
use mooring_proto::binding::v1::{
    Binding, WatchBindingsRequest, WatchBindingsResponse, binding_service_client::BindingServiceClient,
};

use super::{applied, state, with_address};
use crate::{
    failure::Failure,
    invocation::Invocation,
    json,
    labels::Labels,
    output::{Format, Row, print},
    resolve::last_part,
    resumed::{self, Left},
};

/// Prints what comes, until so many answers have.
pub(super) async fn run(moor: &Invocation, binding: String, limit: Option<u64>) -> Result<(), Failure> {
    let parent = resumed::parent::<id::Binding>(moor, &binding)?;
    let request = WatchBindingsRequest { parent, binding, after: 0 };
    let mut left = Left(limit);
    let ask = async |channel, request| BindingServiceClient::new(channel).watch_bindings(request).await;
    resumed::follow(&moor.binding, request, ask, async |request, answer: WatchBindingsResponse| {
        request.after = request.after.max(answer.position);
        // One without a binding only says how far the log was looked through.
        if answer.bindings.is_empty() && answer.gone.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        show(moor, &answer).await?;
        Ok(left.one_less())
    })
    .await
}

async fn show(moor: &Invocation, answer: &WatchBindingsResponse) -> Result<(), Failure> {
    if moor.output == Format::Json {
        return print(&json::of("mooring.binding.v1.WatchBindingsResponse", answer)?.to_string());
    }
    let labels = Labels::read(moor, answer.bindings.iter().flat_map(Row::mentions)).await;
    let bindings = answer.bindings.iter().map(|binding| line(binding, &labels));
    let gone = answer.gone.iter().map(|binding| format!("binding {} gone", last_part(binding)));
    bindings.chain(gone).try_for_each(|line| print(&line))
}

/// One binding, for people.
fn line(binding: &Binding, labels: &Labels) -> String {
    let eip = with_address(labels.of(&binding.eip), &binding.eip_address);
    let havip = with_address(labels.of(&binding.havip), &binding.havip_address);
    let more = [applied(binding), binding.failure.clone()].join(" ");
    let line =
        format!("binding {} EIP {eip} HAVIP {havip} {} {more}", last_part(&binding.name), state(binding));
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use mooring_proto::binding::v1::binding::{Gateway, State};

    use super::*;

    #[test]
    fn a_line_says_what_fronts_what_and_how_far_gateways_are() {
        let gateway = Gateway { gateway: "gw-1".into(), applied: true };
        let binding = Binding {
            name: "projects/shop/regions/r1/bindings/5".into(),
            eip: "projects/shop/regions/r1/eips/6".into(),
            havip: "projects/shop/regions/r1/havips/7".into(),
            eip_address: "203.0.113.7".into(),
            state: State::InUse.into(),
            gateways: vec![gateway],
            ..Binding::default()
        };
        let said = line(&binding, &Labels::default());
        assert_eq!(said, "binding 5 EIP 6 (203.0.113.7) HAVIP 7 IN_USE gw-1=applied");
        let failure = "HAVIP_TAKEN: it is held".to_owned();
        let failed = Binding { state: State::Failed.into(), failure, gateways: vec![], ..binding };
        let said = line(&failed, &Labels::default());
        assert_eq!(said, "binding 5 EIP 6 (203.0.113.7) HAVIP 7 FAILED  HAVIP_TAKEN: it is held");
    }
}
