//! What people see of one thing: everything that is said about it, by the names that people use.

use mooring_proto::{
    binding::v1::WaitAppliedRequest,
    resource::v1::{Pool, Quota, Quotas, UpdateEipRequest, UpdateHavipRequest, Vpc},
};

use crate::*;

/// What one `get` prints after these answers.
async fn shown(line: &str, answers: &[(&'static str, Vec<u8>)]) -> String {
    let server = Server::start().await;
    for (method, answer) in answers {
        server.answers(method, Answer::Message(answer.clone()));
    }
    let ended = moor(&server.url, line).await;
    assert_eq!(ended.code, 0, "{line}: {}", ended.err);
    ended.out
}

#[track_caller]
fn says(shown: &str, lines: &[(&str, &str)]) {
    for (heading, value) in lines {
        let line = shown.lines().find(|line| line.split("  ").next() == Some(heading));
        let line = line.unwrap_or_else(|| panic!("no {heading} in:\n{shown}"));
        assert_eq!(line[heading.len()..].trim(), *value, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eip_is_shown_with_what_is_said_about_it() {
    let eip = Eip {
        description: "the shop's".into(),
        labels: [("tier", "front"), ("env", "prod")].map(|(key, value)| (key.into(), value.into())).into(),
        delete_protection: true,
        ..web()
    };
    let out = shown("eip get web", &[("GetEip", eip.encode_to_vec())]).await;
    let said =
        [("DESCRIPTION", "the shop's"), ("LABELS", "env=prod,tier=front"), ("DELETE PROTECTION", "on")];
    says(&out, &said);
    assert!(!out.contains("COOLS"), "{out}");
    let cools = Eip { cooling_ends_at: 1_763_765_000_250_000_000, ..web() };
    let out = shown("eip get web", &[("GetEip", cools.encode_to_vec())]).await;
    says(&out, &[("LABELS", "-"), ("DELETE PROTECTION", "off"), ("COOLS UNTIL", "2025-11-21T22:43:20.250Z")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_is_shown_with_its_cooling_and_members_are_told_no_numbers() {
    let pool = Pool { display_name: "public".into(), cooling_ms: Some(90 * 60 * 1000), ..Default::default() };
    let out = shown("pool get public", &[("GetPool", pool.encode_to_vec())]).await;
    says(&out, &[("COOLS FOR", "1h 30m"), ("ALLOCATED", "-"), ("COOLING", "-"), ("FREE", "-")]);
    let told = Pool { allocated: 0, cooling: Some(2), free: Some(u64::MAX), ..pool };
    let out = shown("pool get public", &[("GetPool", told.encode_to_vec())]).await;
    says(&out, &[("ALLOCATED", "0"), ("COOLING", "2"), ("FREE", "≥ 2^64-1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_havip_and_a_binding_are_shown_whole() {
    let havip = Havip { announce: true, ..front() };
    let out = shown("havip get front", &[("GetHavip", havip.encode_to_vec())]).await;
    says(&out, &[("ANNOUNCE", "on")]);
    let left = "01976e2a-0000-7000-8000-000000000009";
    let moved = Binding { moved_from: format!("projects/shop/regions/r1/bindings/{left}"), ..bound() };
    let out = shown(&format!("binding get {BINDING}"), &[("GetBinding", moved.encode_to_vec())]).await;
    says(&out, &[("MOVED FROM", left)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_name_who_uses_them_as_people_do() {
    let vpc = "projects/shop/regions/r1/vpcs/01976e2a-0000-7000-8000-000000000005";
    let quota = |used, used_by: &str| Some(Quota { limit: 5, used, used_by: used_by.into() });
    let quotas = Quotas {
        eips: quota(3, ""),
        havips_per_vpc: quota(2, vpc),
        havips_per_instance: quota(1, "vm-a"),
        members_per_havip: quota(4, HAVIP),
        ..Default::default()
    };
    let blue = Vpc { name: vpc.into(), display_name: "blue".into(), ..Default::default() };
    let answers = [
        ("GetQuotas", quotas.encode_to_vec()),
        ("GetVpc", blue.encode_to_vec()),
        ("GetHavip", front().encode_to_vec()),
    ];
    let out = shown("quota get", &answers).await;
    let expected = [
        ("EIPS", "3/5"),
        ("HAVIPS PER VPC", "2/5 (blue)"),
        ("HAVIPS PER INSTANCE", "1/5 (vm-a)"),
        ("MEMBERS PER HAVIP", "4/5 (front)"),
    ];
    says(&out, &expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_display_name_is_said_by_one_flag_everywhere_and_the_short_one_goes_on() {
    let server = Server::start().await;
    for flag in ["--display-name", "--name"] {
        for verb in ["pool update public", "subnet update inner", "havip update front", "eip update web"] {
            let ended = moor(&server.url, &format!("{verb} {flag} x")).await;
            assert_eq!(ended.code, 0, "{verb} {flag}: {}", ended.err);
        }
        let eip: UpdateEipRequest = server.calls_of("UpdateEip").last().unwrap().read();
        let havip: UpdateHavipRequest = server.calls_of("UpdateHavip").last().unwrap().read();
        assert_eq!(
            (eip.eip.unwrap().display_name, havip.havip.unwrap().display_name),
            ("x".into(), "x".into())
        );
    }
    let help = moor(&server.url, "eip update --help").await;
    assert!(help.out.contains("--display-name") && !help.out.contains("--name"), "{}", help.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_there_twice_is_refused() {
    let server = Server::start().await;
    let ended = moor(&server.url, "eip allocate --labels a=b,c=d,a=c").await;
    assert_eq!((ended.code, server.calls().len()), (2, 0));
    assert!(ended.err.contains("\"a\" is there twice, as \"b\" and as \"c\""), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_said_by_its_name_or_by_its_url() {
    let named =
        |name: &str| Dataplane { gateway: format!("regions/r1/gateways/{name}"), ..Default::default() };
    let (first, second) = (Server::start().await, Server::start().await);
    for _ in 0..8 {
        first.answers("GetStatus", message(&named("gw-1")));
        second.answers("GetStatus", message(&named("gw-2")));
    }
    let kernel = || message(&DiffKernelResponse { at: Some(Moment::default()), ..Default::default() });
    let known = [("MOORING_GATEWAYS", &*second.url)];
    for (said, others) in [("gw-2", 1), (&*second.url, 1), ("regions/r1/gateways/gw-2", 1), ("gw-1", 0)] {
        first.answers("DiffKernel", kernel());
        second.answers("DiffKernel", kernel());
        let (before, line) = (second.calls_of("DiffKernel").len(), format!("diff kernel --gateway {said}"));
        let ended = moor_with(&first.url, &known, &line).await;
        assert_eq!(ended.code, 0, "{said}: {}", ended.err);
        assert_eq!(second.calls_of("DiffKernel").len() - before, others, "{said}");
    }
    let unknown = moor_with(&first.url, &known, "status --gateway gw-9").await;
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("--gateway: no gateway that is known and answers is called gw-9"),
        "{}",
        unknown.err
    );

    first.answers("WaitApplied", message(&WaitAppliedResponse::default()));
    let ended = moor(&first.url, &format!("gateway wait --gateway gw-1 --gateway {}", second.url)).await;
    assert_eq!(ended.code, 0, "{}", ended.err);
    let asked: WaitAppliedRequest = first.calls_of("WaitApplied")[0].read();
    assert_eq!(asked.gateways, ["regions/r1/gateways/gw-1", "regions/r1/gateways/gw-2"]);
}
