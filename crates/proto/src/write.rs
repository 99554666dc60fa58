//! The requests that write. What all of them have is here, whatever else they ask for.

use crate::{binding::v1 as binding, health::v1 as health, resource::v1 as resource};

/// A request that writes.
pub trait Write: prost::Message {
    /// The method's name. It is hashed with the request, so that a request id counts for one method only; like the message, it
    /// must never change, because hashes are stored.
    const METHOD: &'static str;
    /// Makes a retry safe: a UUID, or empty.
    fn request_id(&mut self) -> &mut String;
    /// Whether it is only to be decided.
    fn validate_only(&mut self) -> &mut bool;
}

macro_rules! writes {
    ($($request:path => $method:literal;)*) => {$(
        impl Write for $request {
            const METHOD: &'static str = $method;
            fn request_id(&mut self) -> &mut String {
                &mut self.request_id
            }
            fn validate_only(&mut self) -> &mut bool {
                &mut self.validate_only
            }
        }
    )*};
}

writes! {
    resource::CreatePoolRequest => "CreatePool";
    resource::UpdatePoolRequest => "UpdatePool";
    resource::DrainPoolRequest => "DrainPool";
    resource::ResumePoolRequest => "ResumePool";
    resource::DeletePoolRequest => "DeletePool";
    resource::CreateVpcRequest => "CreateVpc";
    resource::CreateSubnetRequest => "CreateSubnet";
    resource::CreateVnicRequest => "CreateVnic";
    resource::DeleteVpcRequest => "DeleteVpc";
    resource::UpdateSubnetRequest => "UpdateSubnet";
    resource::DeleteSubnetRequest => "DeleteSubnet";
    resource::DeleteVnicRequest => "DeleteVnic";
    resource::CreateHavipRequest => "CreateHavip";
    resource::UpdateHavipRequest => "UpdateHavip";
    resource::DeleteHavipRequest => "DeleteHavip";
    resource::AllocateEipRequest => "AllocateEip";
    resource::UpdateEipRequest => "UpdateEip";
    resource::ReleaseEipRequest => "ReleaseEip";
    resource::UpdateQuotasRequest => "UpdateQuotas";
    binding::BindRequest => "Bind";
    binding::MoveRequest => "Move";
    binding::UnbindRequest => "Unbind";
    binding::RegisterGatewayRequest => "RegisterGateway";
    binding::ReportDriftRequest => "ReportDrift";
    binding::DecommissionGatewayRequest => "DecommissionGateway";
    health::AnnounceRequest => "Announce";
    health::WithdrawRequest => "Withdraw";
}
