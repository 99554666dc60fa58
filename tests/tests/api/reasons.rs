//! The table of reasons in docs/api.md: each is in the sources and each of the sources is in it, and each that a request alone
//! can bring about is brought about here, over the wire, and has the code, the keys and the word on retries that the table says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};

use mooring_proto::{
    access::{PROJECT, ROLE},
    binding::v1::{self as binding, binding_service_client::BindingServiceClient},
    health::v1 as health,
    resource::v1::{self as resource, resource_service_client::ResourceServiceClient},
};
use tonic::{Response, Status};
use tonic_types::StatusExt;

use crate::{any_request::empty, gateways, given::*};

/// What stands in the last column of a row that is shown here.
const HERE: &str = "here";
/// What stands there where a moment would have to be met by chance.
const NOWHERE: &str = "—";
/// Where services and cores say reasons.
const SOURCES: [&str; 9] = [
    "crates/domain/src",
    "crates/ledger/src",
    "crates/proto/src",
    "crates/runtime/src",
    "services/binding/src",
    "services/dataplane-sync/src",
    "services/health/src",
    "services/mooringd/src",
    "services/resource/src",
];
/// What begins a reason: each has one of these before it.
const SAID_BY: [&str; 11] = [
    "precondition(",
    "exists(",
    "exhausted(",
    "in_transition(",
    "failure(",
    "refusal(",
    "unavailable(",
    "held(",
    "refuse(",
    "out_of_turn(",
    "Self::new(Class::",
];

/// What stands for the message of a row that is not shown here.
const NO_EXAMPLE: &str = "—";

/// One row of the table.
#[derive(Debug)]
struct Row {
    code: String,
    keys: BTreeSet<String>,
    retryable: bool,
    example: String,
    shown_by: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The words of a cell in backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn table() -> BTreeMap<String, Row> {
    let page = fs::read_to_string(root().join("docs/api.md")).unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| reason |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [reason, code, keys, retry, _, example, shown_by] = cells[..] else { panic!("{line}") };
        let retryable = match retry {
            "yes" => true,
            "no" => false,
            other => panic!("{other}: {line}"),
        };
        let [example, shown_by] = [example, shown_by].map(|cell| cell.replace('`', ""));
        let row = Row { code: code.to_owned(), keys: quoted(keys), retryable, example, shown_by };
        (reason.replace('`', ""), row)
    });
    rows.collect()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn is_reason(word: &str) -> bool {
    word.len() > 3 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

/// The reasons that a source says: words in quotes on a line, or the two after it, where one is said.
fn reasons_in(source: &str) -> BTreeSet<String> {
    let lines: Vec<_> = source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let mut reasons = BTreeSet::new();
    for (number, line) in lines.iter().enumerate() {
        let begins = SAID_BY.iter().any(|word| line.contains(word)) || line.contains("(Code::");
        if begins {
            let said = lines[number..lines.len().min(number + 4)].join("\n");
            reasons
                .extend(said.split('"').skip(1).step_by(2).filter(|word| is_reason(word)).map(str::to_owned));
        }
    }
    reasons
}

#[test]
fn every_reason_of_the_sources_has_a_row_and_every_row_a_source() {
    let mut files = Vec::new();
    SOURCES.iter().for_each(|folder| rust_files(&root().join(folder), &mut files));
    let said: BTreeSet<_> =
        files.iter().flat_map(|file| reasons_in(&fs::read_to_string(file).unwrap())).collect();
    let rows: BTreeSet<_> = table().into_keys().collect();
    assert!(said.len() > 50, "the sources say hardly any: {said:?}");
    let missing: Vec<_> = said.difference(&rows).collect();
    assert_eq!(
        missing,
        [""; 0].iter().collect::<Vec<_>>(),
        "said by a service, and not in the table of docs/api.md"
    );
    let gone: Vec<_> = rows.difference(&said).collect();
    assert_eq!(gone, [""; 0].iter().collect::<Vec<_>>(), "in the table of docs/api.md, and said by nobody");
}

#[test]
fn what_is_not_shown_here_is_shown_where_the_table_says() {
    for (reason, row) in
        table().into_iter().filter(|(_, row)| ![HERE, NOWHERE].contains(&row.shown_by.as_str()))
    {
        let story = fs::read_to_string(root().join(&row.shown_by));
        let story = story.unwrap_or_else(|_| panic!("{reason}: there is no {}", row.shown_by));
        assert!(story.contains(&reason), "{reason} is not in {}", row.shown_by);
    }
}

/// What was refused, by reason.
#[derive(Default)]
struct Refusals(BTreeMap<String, Status>);

impl Refusals {
    #[track_caller]
    fn take<T: Debug>(&mut self, answer: Result<Response<T>, Status>) {
        let status = answer.map(Response::into_inner).expect_err("this must be refused");
        let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
        self.0.insert(info.reason, status);
    }
}

#[tokio::test]
async fn each_reason_comes_over_the_wire_as_the_table_says() {
    let (world, stock) = World::stocked().await;
    let mut refusals = Refusals::default();
    callers(&world, &mut refusals).await;
    networks(&world, &stock, &mut refusals).await;
    addresses(&world, &stock, &mut refusals).await;
    bindings(&world, &stock, &mut refusals).await;
    gateways_and_holders(&world, &stock, &mut refusals).await;
    what_is_in_use(&world, &mut refusals).await;
    crowds(&world, &stock, &mut refusals).await;
    let table = table();
    let here: BTreeSet<_> =
        table.iter().filter(|(_, row)| row.shown_by == HERE).map(|(reason, _)| reason).collect();
    assert_eq!(here, refusals.0.keys().collect(), "shown here by the table, and by this story");
    let told: BTreeMap<_, _> =
        refusals.0.iter().map(|(reason, status)| (reason, plain(status.message()))).collect();
    let documented: BTreeMap<_, _> = table
        .iter()
        .filter(|(_, row)| row.shown_by == HERE)
        .map(|(reason, row)| (reason, row.example.clone()))
        .collect();
    assert_eq!(documented, told, "the examples of the table, and what is said");
    let elsewhere = table.values().filter(|row| row.shown_by != HERE);
    assert!(
        elsewhere.into_iter().all(|row| row.example == NO_EXAMPLE),
        "nobody compares it with what is said"
    );
    for (reason, status) in refusals.0 {
        let row = &table[&reason];
        assert_eq!(format!("{:?}", status.code()), row.code, "{reason}: {status:?}");
        let metadata = status.get_details_error_info().unwrap().metadata;
        assert_eq!(metadata["retryable"], row.retryable.to_string(), "{reason}");
        let keys: BTreeSet<_> = metadata.into_keys().filter(|key| key != "retryable").collect();
        assert_eq!(keys, row.keys, "{reason}: {status:?}");
        let pause = status.get_details_retry_info().and_then(|info| info.retry_delay);
        assert_eq!(pause.is_some(), row.retryable, "{reason}: a pause where a retry can help");
        assert!(!status.message().is_empty() && status.message().len() < 400, "{reason}: {status:?}");
    }
}

async fn callers(world: &World, refusals: &mut Refusals) {
    let list = async |channel: &mooring_tests::channel::Channel| {
        let request = resource::ListVpcsRequest { parent: P1.into(), ..Default::default() };
        ResourceServiceClient::new(channel.clone()).list_vpcs(request).await
    };
    refusals.take(list(&world.channel.saying(&[])).await);
    refusals.take(list(&world.channel.saying(&[(ROLE, "root"), (PROJECT, "p1")])).await);
    let member = world.channel.member("p1");
    refusals.take(empty(&member, "/mooring.resource.v1.ResourceService/CreatePool", false).await);
    refusals.take(empty(&world.channel, "/mooring.resource.v1.ResourceService/DoIt", false).await);
    refusals.take(world.get_eip("web").await);
    refusals.take(world.get_eip(&format!("{P1}/eips/nobody")).await);
    let request = binding::WaitAppliedRequest { parent: R1.into(), position: u64::MAX, ..Default::default() };
    refusals.take(world.bindings().wait_applied(request).await);
}

async fn networks(world: &World, stock: &Stock, refusals: &mut Refusals) {
    world.raise_quotas(P1).await;
    let vpc = resource::Vpc { display_name: "blue".into(), ..Default::default() };
    let request = resource::CreateVpcRequest { parent: P1.into(), vpc: Some(vpc), ..Default::default() };
    refusals.take(world.resource().create_vpc(request).await);
    let subnet = |cidr: &str| {
        let (vpc, display_name) = (stock.vpc.name.clone(), "x".to_owned());
        let subnet = resource::Subnet { vpc, display_name, cidr: cidr.into(), ..Default::default() };
        resource::CreateSubnetRequest { parent: P1.into(), subnet: Some(subnet), ..Default::default() }
    };
    refusals.take(world.resource().create_subnet(subnet("10.0.0.0/16")).await);
    let vnic = resource::Vnic {
        instance: "x".into(),
        subnet: stock.subnet.name.clone(),
        mac: stock.a.mac.clone(),
        address: "10.0.1.13".into(),
        ..Default::default()
    };
    let request = resource::CreateVnicRequest { parent: P1.into(), vnic: Some(vnic), ..Default::default() };
    refusals.take(world.resource().create_vnic(request).await);
    let other = world.subnet(P1, "other", &stock.vpc, "10.0.2.0/29").await;
    let far = world.vnic(&other, "vm-a", "02:00:00:00:00:1a", "10.0.2.2").await;
    refusals.take(world.resource().create_havip(create_havip(&stock.subnet, "x", "", &[&far])).await);
    let request = resource::GetVnicRequest { name: format!("{P1}/vnics/vm-a") };
    refusals.take(world.resource().get_vnic(request).await);
    for n in 0..4 {
        world.havip(&other, &format!("h{n}"), "", &[]).await;
    }
    refusals.take(world.resource().create_havip(create_havip(&other, "x", "", &[])).await);
}

async fn addresses(world: &World, stock: &Stock, refusals: &mut Refusals) {
    let pool =
        resource::Pool { display_name: "x".into(), cidrs: vec!["203.0.0.0/16".into()], ..Default::default() };
    let request = resource::CreatePoolRequest { parent: R1.into(), pool: Some(pool), ..Default::default() };
    refusals.take(world.resource().create_pool(request).await);
    let at = |address: &str| {
        let eip = resource::Eip { address: address.into(), ..Default::default() };
        resource::AllocateEipRequest { parent: P1.into(), eip: Some(eip), ..Default::default() }
    };
    refusals.take(world.resource().allocate_eip(at(&stock.eip.address)).await);
    refusals.take(world.resource().allocate_eip(at("192.0.2.1")).await);
    let protected = resource::Eip { delete_protection: true, ..Default::default() };
    let request =
        resource::AllocateEipRequest { parent: P1.into(), eip: Some(protected), ..Default::default() };
    let protected = ok(world.resource().allocate_eip(request).await);
    refusals.take(world.release_eip(&protected.name).await);
    let request = resource::ReleaseEipRequest {
        name: stock.eip.name.clone(),
        expected_revision: 1,
        ..Default::default()
    };
    refusals.take(world.resource().release_eip(request).await);
    let cooled = world.eip(P1, "").await;
    ok(world.release_eip(&cooled.name).await);
    refusals.take(world.release_eip(&cooled.name).await);
    let request = resource::AllocateEipRequest { parent: P2.into(), ..at(&cooled.address) };
    refusals.take(world.resource().allocate_eip(request).await);
    let none = resource::Quotas {
        name: format!("{P2}/quotas"),
        eips: Some(resource::Quota::default()),
        ..Default::default()
    };
    let request = resource::UpdateQuotasRequest { quotas: Some(none), ..Default::default() };
    ok(world.resource().update_quotas(request).await);
    refusals.take(world.resource().allocate_eip(allocate_eip(P2, "")).await);
    let small = world.pool(R1, "small", "198.51.100.7/32").await;
    let from = resource::Eip { pool: small.name, ..Default::default() };
    let request = resource::AllocateEipRequest { parent: P1.into(), eip: Some(from), ..Default::default() };
    ok(world.resource().allocate_eip(request.clone()).await);
    refusals.take(world.resource().allocate_eip(request).await);
}

async fn bindings(world: &World, stock: &Stock, refusals: &mut Refusals) {
    let (eip, havip) = (&stock.eip.name, &stock.havip.name);
    let (spare_eip, spare) =
        (world.eip(P1, "").await.name, world.havip(&stock.subnet, "spare", "", &[]).await.name);
    refusals.take(world.bind(&eip.replace("regions/r1", "regions/r2"), havip).await);
    refusals.take(world.bind(&eip.replace(P1, P2), havip).await);
    let request_id = uuid::Uuid::now_v7().to_string();
    let first = binding::BindRequest { request_id, ..bind(eip, havip) };
    ok(world.bindings().bind(first.clone()).await);
    refusals.take(world.bind(eip, &spare).await);
    refusals.take(world.bind(&spare_eip, havip).await);
    refusals.take(world.bindings().r#move(shift(&spare_eip, havip)).await);
    refusals.take(world.release_eip(eip).await);
    refusals.take(world.delete_havip(havip).await);

    // A second gateway takes nothing out: what is being unbound stays so.
    gateways::register(world).await;
    let (mut asked, request) = (world.bindings(), unbind(eip));
    let unbinding = tokio::spawn(async move { asked.unbind(request).await });
    wait_until("the unbind to be stored", async || {
        let shown = ok(world.get_eip(eip).await);
        if shown.state() == resource::eip::State::Unassociating { Ok(()) } else { Err(shown) }
    })
    .await;
    refusals.take(world.bind(eip, &spare).await);
    refusals.take(world.bind(&spare_eip, havip).await);
    ok(gateways::decommission(world, gateways::GW_2).await);
    ok(unbinding.await.unwrap());
    refusals.take(world.bindings().bind(first).await);

    world.pool(R1, "six", "2001:db8::/126").await;
    let six = resource::Eip { address: "2001:db8::1".into(), ..Default::default() };
    let request = resource::AllocateEipRequest { parent: P1.into(), eip: Some(six), ..Default::default() };
    let six = ok(world.resource().allocate_eip(request).await);
    refusals.take(world.bind(&six.name, &spare).await);
}

async fn gateways_and_holders(world: &World, stock: &Stock, refusals: &mut Refusals) {
    refusals.take(gateways::report(world, &format!("{R1}/gateways/gw-7"), 0, vec![]).await);
    // It was decommissioned, and says that its kernels are as before.
    let request =
        binding::RegisterGatewayRequest { name: gateways::GW_2.into(), equal_to: 1, ..Default::default() };
    refusals.take(world.gateways().register_gateway(request).await);

    let announce = |havip: &str, vnic: &str| health::AnnounceRequest {
        havip: havip.into(),
        vnic: vnic.into(),
        ..Default::default()
    };
    refusals.take(world.health().announce(announce(&stock.havip.name, &stock.a.name)).await);
    let mut request = create_havip(&stock.subnet, "announced", "", &[&stock.a]);
    request.havip.as_mut().unwrap().announce = true;
    let havip = ok(world.resource().create_havip(request).await);
    refusals.take(world.health().announce(announce(&havip.name, &stock.c.name)).await);
    let claim = health::Claim {
        vpc: id(&stock.vpc.name).into(),
        address: havip.address.clone(),
        mac: stock.a.mac.clone(),
        number: 1,
        observed_at: 1_000,
    };
    let gateway = format!("{R1}/gateways/gw-9");
    let request = health::ReportClaimsRequest { gateway, claims: vec![claim] };
    ok(world.health().report_claims(request).await);
    let (havip, vnic) = (havip.name, stock.a.name.clone());
    let request = health::WithdrawRequest { havip, vnic, ..Default::default() };
    refusals.take(world.health().withdraw(request).await);
}

async fn what_is_in_use(world: &World, refusals: &mut Refusals) {
    const SCOPE: &str = "projects/p3/regions/r1";
    let vpc = world.vpc(SCOPE, "blue").await;
    let subnet = world.subnet(SCOPE, "web", &vpc, "10.0.1.0/24").await;
    let vnic = world.vnic(&subnet, "vm-a", "02:00:00:00:00:0a", "10.0.1.10").await;
    world.havip(&subnet, "front", "10.0.1.100", &[&vnic]).await;
    let mut resource = world.resource();
    let request = resource::DeleteVpcRequest { name: vpc.name, ..Default::default() };
    refusals.take(resource.delete_vpc(request).await);
    let request = resource::DeleteSubnetRequest { name: subnet.name.clone(), ..Default::default() };
    refusals.take(resource.delete_subnet(request).await);
    let request = resource::DeleteVnicRequest { name: vnic.name, ..Default::default() };
    refusals.take(resource.delete_vnic(request).await);
    let reserve = |block: &str| {
        let (name, reserved) = (subnet.name.clone(), vec![block.to_owned()]);
        let subnet = resource::Subnet { name, reserved, ..Default::default() };
        resource::UpdateSubnetRequest { subnet: Some(subnet), ..Default::default() }
    };
    refusals.take(resource.update_subnet(reserve("10.0.1.8/29")).await);
    ok(resource.update_subnet(reserve("10.0.1.240/28")).await);
    refusals.take(resource.create_havip(create_havip(&subnet, "x", "10.0.1.250", &[])).await);

    let name = world.pool(R1, "old", "192.0.2.0/30").await.name;
    let delete = || resource::DeletePoolRequest { name: name.clone(), ..Default::default() };
    refusals.take(resource.delete_pool(delete()).await);
    let from = |pool: &str| {
        let eip = resource::Eip { pool: pool.into(), ..Default::default() };
        resource::AllocateEipRequest { parent: SCOPE.into(), eip: Some(eip), ..Default::default() }
    };
    ok(resource.allocate_eip(from(&name)).await);
    refusals.take(resource.delete_pool(delete()).await);
    let cidrs = vec!["192.0.2.4/30".to_owned()];
    let pool = resource::Pool { name: name.clone(), cidrs, ..Default::default() };
    let request = resource::UpdatePoolRequest { pool: Some(pool), ..Default::default() };
    refusals.take(resource.update_pool(request).await);
    let request = resource::DrainPoolRequest { name: name.clone(), ..Default::default() };
    ok(resource.drain_pool(request).await);
    refusals.take(resource.allocate_eip(from(&name)).await);
}

/// What is refused to whoever asks for more at once than others can wait for.
async fn crowds(world: &World, stock: &Stock, refusals: &mut Refusals) {
    let member = world.channel.member("p1");
    let mut watches = Vec::new();
    let refused = loop {
        assert!(watches.len() <= 256, "nobody ends this");
        let request = binding::WatchBindingsRequest { parent: P1.into(), ..Default::default() };
        match BindingServiceClient::new(member.clone()).watch_bindings(request).await {
            Ok(watch) => watches.push(watch),
            Err(refused) => break refused,
        }
    };
    refusals.take::<()>(Err(refused));
    drop(watches);

    // Each is stored by itself: they come faster than that.
    for _ in 0..20 {
        let changes = (0..400).map(async |n| {
            let description = format!("change {n}");
            let eip = resource::Eip { name: stock.eip.name.clone(), description, ..Default::default() };
            let request = resource::UpdateEipRequest { eip: Some(eip), ..Default::default() };
            world.resource().update_eip(request).await
        });
        let answers = futures::future::join_all(changes).await;
        if let Some(refused) = answers.into_iter().find_map(Result::err) {
            refusals.take::<()>(Err(refused));
            break;
        }
    }
}

/// A message without what differs from one time to the next: ids, times, positions, how long something still takes.
fn plain(message: &str) -> String {
    let message = match (message.split_once("Z, "), message.split_once(" from now")) {
        (Some((before, _)), Some((_, after))) => format!("{before}Z, LONG from now{after}"),
        _ => message.to_owned(),
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.');
    let (mut plain, mut rest) = (String::new(), message.as_str());
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (word, after) = rest.split_at(end);
        let bare = word.trim_end_matches([':', '.']);
        plain.push_str(match bare {
            _ if uuid::Uuid::try_parse(bare).is_ok() => "ID",
            _ if bare.len() == 24 && bare.ends_with('Z') => "TIME",
            _ if is_position(bare) => "POSITION",
            _ => bare,
        });
        plain.push_str(&word[bare.len()..]);
        rest = after;
    }
    plain
}

/// A commit's: its record's number, a dot, its index.
fn is_position(word: &str) -> bool {
    let is_number = |part: &str| part.parse::<u64>().is_ok();
    word.split_once('.').is_some_and(|(record, index)| is_number(record) && is_number(index))
}
