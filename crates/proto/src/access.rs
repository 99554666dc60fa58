//! Who may call what. Every method has a line here, and one without is refused: nothing is open because nobody thought of it.
//!
//! For now a caller's word for its role and project is believed; who may say it comes with authentication.

use http::{HeaderMap, request::Parts};
use mooring_domain::name::{ProjectId, SLUG_RULE, Scope};
use tonic::{Code, Status};

use crate::status::failure;

/// The metadata key of the caller's project.
pub const PROJECT: &str = "mooring-project";
/// The metadata key of the caller's role: `member` (the default) or `operator`.
pub const ROLE: &str = "mooring-role";
/// The role that sees all.
pub const OPERATOR: &str = "operator";
/// The role of everybody else.
pub const MEMBER: &str = "member";

/// Whom a call comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Whoever runs the region, and its services among themselves.
    Operator,
    /// Somebody of a project, for whom there is no other.
    Member(ProjectId),
}

impl Identity {
    /// Whether there is anything in this scope for the caller.
    pub fn sees(&self, scope: &Scope) -> bool {
        match self {
            Self::Operator => true,
            Self::Member(project) => scope.project == *project,
        }
    }

    fn of(headers: &HeaderMap) -> Result<Self, Status> {
        match text(headers, ROLE) {
            Some(OPERATOR) => Ok(Self::Operator),
            Some(MEMBER | "") | None => member(text(headers, PROJECT)),
            Some(other) => Err(failure(
                Code::Unauthenticated,
                "UNKNOWN_ROLE",
                format!("{ROLE} is {other:?}: expected {MEMBER} or {OPERATOR}"),
                false,
            )),
        }
    }
}

fn member(project: Option<&str>) -> Result<Identity, Status> {
    let said = project.filter(|project| !project.is_empty());
    let project = said.and_then(|project| project.parse().ok());
    project.map(Identity::Member).ok_or_else(|| {
        let message = match said {
            None => format!("whose call is it? Say the project in the metadata, as {PROJECT}"),
            Some(other) => format!("{PROJECT} is {other:?}: expected {SLUG_RULE}"),
        };
        failure(Code::Unauthenticated, "NO_PROJECT", message, false)
    })
}

/// What is no text is none of the words that are expected.
fn text<'a>(headers: &'a HeaderMap, key: &str) -> Option<&'a str> {
    headers.get(key).map(|value| value.to_str().unwrap_or("?"))
}

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Members, about what their project has; the operator, about anything.
    Project,
    /// The operator: it is about the region, or about every project in it.
    Operator,
    /// The services and gateways among themselves, in the operator's role.
    Internal,
}

/// Every method of the API.
pub const METHODS: &[(&str, &[(&str, Access)])] = {
    use Access::{Internal, Operator, Project};
    &[
        (
            "mooring.resource.v1.ResourceService",
            &[
                ("CreatePool", Operator),
                ("UpdatePool", Operator),
                ("DrainPool", Operator),
                ("ResumePool", Operator),
                ("DeletePool", Operator),
                ("GetPool", Project),
                ("ListPools", Project),
                ("CreateVpc", Project),
                ("GetVpc", Project),
                ("ListVpcs", Project),
                ("DeleteVpc", Project),
                ("CreateSubnet", Project),
                ("GetSubnet", Project),
                ("ListSubnets", Project),
                ("UpdateSubnet", Project),
                ("DeleteSubnet", Project),
                ("CreateVnic", Project),
                ("GetVnic", Project),
                ("ListVnics", Project),
                ("DeleteVnic", Project),
                ("CreateHavip", Project),
                ("GetHavip", Project),
                ("ListHavips", Project),
                ("BatchGetHavips", Project),
                ("UpdateHavip", Project),
                ("DeleteHavip", Project),
                ("AllocateEip", Project),
                ("GetEip", Project),
                ("ListEips", Project),
                ("BatchGetEips", Project),
                ("UpdateEip", Project),
                ("ReleaseEip", Project),
                ("GetQuotas", Project),
                ("UpdateQuotas", Operator),
            ],
        ),
        (
            "mooring.resource.v1.HoldService",
            &[("Hold", Internal), ("Release", Internal), ("ListHolds", Internal)],
        ),
        (
            "mooring.binding.v1.BindingService",
            &[
                ("Bind", Project),
                ("Move", Project),
                ("Unbind", Project),
                ("GetBinding", Project),
                ("ListBindings", Project),
                ("BatchGetBindings", Project),
                ("WatchBindings", Project),
                ("WaitApplied", Operator),
            ],
        ),
        (
            "mooring.binding.v1.GatewayService",
            &[
                ("RegisterGateway", Internal),
                ("ReportApplied", Internal),
                ("ReportDrift", Internal),
                ("ListAttestations", Operator),
                ("DecommissionGateway", Operator),
                ("ListGateways", Operator),
            ],
        ),
        (
            "mooring.health.v1.HealthService",
            &[
                ("ReportClaims", Internal),
                ("Announce", Project),
                ("Withdraw", Project),
                ("ReportHolders", Internal),
                ("GetHolder", Project),
                ("ListHolders", Project),
                ("WatchHolders", Project),
            ],
        ),
        ("mooring.health.v1.FailoverService", &[("ReportFailovers", Internal), ("ListFailovers", Project)]),
        (
            "mooring.dataplane.v1.DataplaneService",
            &[
                ("GetStatus", Operator),
                ("ListElements", Operator),
                ("ListCommits", Operator),
                ("WatchCommits", Operator),
            ],
        ),
        (
            "mooring.dataplane.v1.PastService",
            &[
                ("ReplayRegion", Operator),
                ("DiffRegion", Operator),
                ("StepRegion", Operator),
                ("DiffKernel", Operator),
            ],
        ),
        ("mooring.dataplane.v1.EventsService", &[("ListEvents", Operator), ("WatchEvents", Operator)]),
        ("mooring.dataplane.v1.CustodyService", &[("ListCustody", Operator)]),
        ("mooring.dataplane.v1.ExplainService", &[("TracePacket", Operator), ("Explain", Operator)]),
    ]
};

/// Who may call the method at this path; `None`: it is not of the API.
fn access(path: &str) -> Option<Result<Access, ()>> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    if !service.starts_with("mooring.") {
        return None;
    }
    let methods = METHODS.iter().find(|(known, _)| *known == service).map(|(_, methods)| *methods);
    let found = methods.into_iter().flatten().find(|(known, _)| *known == method);
    Some(found.map(|(_, access)| *access).ok_or(()))
}

/// Lets a call in, with its [`Identity`] among its extensions, or says why not. Decided on the path and the metadata alone.
pub fn admit(call: &mut Parts) -> Result<(), Status> {
    // Health and reflection, and what is no gRPC at all, are for everybody.
    let Some(access) = access(call.uri.path()) else { return Ok(()) };
    let access = access.map_err(|()| {
        failure(
            Code::Unimplemented,
            "UNKNOWN_METHOD",
            format!("there is no method {}", call.uri.path()),
            false,
        )
    })?;
    let identity = Identity::of(&call.headers)?;
    if access != Access::Project && identity != Identity::Operator {
        let message = format!("{} is for the operator of the region", call.uri.path());
        return Err(failure(Code::PermissionDenied, "OPERATOR_ONLY", message, false));
    }
    call.extensions.insert(identity);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;

    use super::*;

    /// What the descriptors have.
    fn described() -> BTreeSet<String> {
        let files = prost_types::FileDescriptorSet::decode(crate::DESCRIPTORS).unwrap().file;
        let services =
            files.iter().flat_map(|file| file.service.iter().map(|service| (file.package(), service)));
        let own = services.filter(|(package, _)| package.starts_with("mooring."));
        own.flat_map(|(package, service)| {
            let path = |name: &str| format!("/{package}.{}/{name}", service.name());
            service.method.iter().map(move |method| path(method.name())).collect::<Vec<_>>()
        })
        .collect()
    }

    #[test]
    fn every_method_says_who_may_call_it_and_no_other_does() {
        let paths = METHODS.iter().flat_map(|(service, methods)| {
            methods.iter().map(move |(method, _)| format!("/{service}/{method}"))
        });
        assert_eq!(paths.collect::<BTreeSet<_>>(), described());
    }

    fn asked(path: &str, headers: &[(&'static str, &'static str)]) -> Result<Option<Identity>, Code> {
        let mut request = http::Request::builder().uri(path);
        for (key, value) in headers {
            request = request.header(*key, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        admit(&mut parts).map_err(|status| status.code())?;
        Ok(parts.extensions.get().cloned())
    }

    #[test]
    fn a_member_says_its_project_and_only_the_operator_gets_at_the_region() {
        let shop = Identity::Member("shop".parse().unwrap());
        let (vpc, pool) = (
            "/mooring.resource.v1.ResourceService/GetVpc",
            "/mooring.resource.v1.ResourceService/CreatePool",
        );
        assert_eq!(asked(vpc, &[(PROJECT, "shop")]), Ok(Some(shop.clone())));
        assert_eq!(asked(vpc, &[(PROJECT, "shop"), (ROLE, MEMBER)]), Ok(Some(shop)));
        for none in
            [&[][..], &[(PROJECT, "")], &[(PROJECT, "Not/A/Project")], &[(ROLE, "root"), (PROJECT, "shop")]]
        {
            assert_eq!(asked(vpc, none), Err(Code::Unauthenticated), "{none:?}");
        }
        assert_eq!(asked(pool, &[(PROJECT, "shop")]), Err(Code::PermissionDenied));
        assert_eq!(asked(pool, &[(ROLE, OPERATOR)]), Ok(Some(Identity::Operator)));
        assert_eq!(
            asked("/mooring.resource.v1.ResourceService/Nothing", &[(ROLE, OPERATOR)]),
            Err(Code::Unimplemented)
        );
        assert_eq!(asked("/grpc.health.v1.Health/Check", &[]), Ok(None));
    }
}
