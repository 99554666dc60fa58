//! `moor gateway wait`: until kernels have what was decided.

use mooring_proto::{
    binding::v1::{WaitAppliedRequest, WaitAppliedResponse, binding_service_client::BindingServiceClient},
    resource::v1::Vpc,
};

use crate::{
    failure::Failure,
    invocation::Invocation,
    json,
    resolve::{Argument, last_part},
};

use super::asked;

pub(super) async fn run(
    moor: &Invocation,
    position: u64,
    gateways: &[String],
    vpc: Option<&str>,
) -> Result<(), Failure> {
    let mut named = Vec::new();
    for text in gateways {
        named.push(asked::name(moor, Argument::new("--gateway", text)).await?);
    }
    let request = WaitAppliedRequest {
        parent: moor.home.regional_parent()?,
        position,
        gateways: named,
        vpc: match vpc {
            Some(vpc) => moor.name_of::<Vpc>(Argument::new("--vpc", vpc)).await?,
            None => String::new(),
        },
    };
    let rpc = async |channel, request| BindingServiceClient::new(channel).wait_applied(request).await;
    let answer = moor.binding.call(request, rpc).await?;
    moor.output.say(&text(&answer), &json::of("mooring.binding.v1.WaitAppliedResponse", &answer)?)
}

fn text(answer: &WaitAppliedResponse) -> String {
    let names: Vec<_> = answer.gateways.iter().map(|name| last_part(name)).collect();
    match names.is_empty() {
        true => format!("no gateway is registered: nobody has to apply position {}", answer.position),
        false => format!("position {} is applied by {}", answer.position, names.join(", ")),
    }
}
