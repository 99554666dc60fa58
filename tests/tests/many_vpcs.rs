//! 300 VPCs with the same addresses on one gateway: what a start, a change and a VPC cost, beside the same with 3; and
//! one that fails holds up no other. `MOORING_VPCS` makes them more or fewer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{SocketAddrV4, UdpSocket};
use std::ops::Range;
use std::time::{Duration, Instant};

use mooring_proto::dataplane::v1::VpcStatus;
use mooring_tests::figures::{ms, number, show};
use mooring_tests::lab::crowd::{self, Crowd};
use mooring_tests::probe::udp_ask;
use mooring_tests::server::{Options, own_folder};
use mooring_tests::usage::{Usage, usage};
use mooring_tests::{Client, Mooringd, wait_for};
use socket2::{Domain, Socket, Type};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// With these few everything is measured first.
const FEW: usize = 3;
/// How often a change is measured.
const CHANGES: usize = 40;
const PORT: u16 = 7000;
const PATIENT: Duration = Duration::from_secs(30);
/// For an answer of somebody who is there.
const SOON: Duration = Duration::from_secs(2);

/// A VPC as the API has it.
struct Vpc {
    eip: String,
    havip: String,
}

struct World {
    runtime: Runtime,
    client: Client,
    vpcs: Vec<Vpc>,
}

impl World {
    fn connect(server: &Mooringd) -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(Client::connect(server.address())).unwrap();
        World { runtime, client, vpcs: Vec::new() }
    }

    fn reconnect(&mut self, server: &Mooringd) {
        self.client = self.runtime.block_on(Client::connect(server.address())).unwrap();
    }

    /// Creates VPCs until there are that many, each with a HAVIP bound to an EIP.
    fn create_up_to(&mut self, many: usize) {
        for n in self.vpcs.len()..many {
            let vpc = self.runtime.block_on(create(&self.client, n));
            self.vpcs.push(vpc);
        }
    }

    fn bind(&self, n: usize) {
        let Vpc { eip, havip, .. } = &self.vpcs[n];
        self.runtime.block_on(self.client.bind(eip, havip, Uuid::now_v7())).unwrap();
    }

    fn unbind(&self, n: usize) {
        self.runtime.block_on(self.client.unbind(&self.vpcs[n].eip, Uuid::now_v7())).unwrap();
    }

    /// The medians of an unbind and a bind in one VPC after the other, both until the kernel has it.
    fn change(&self) -> (Duration, Duration) {
        let (mut unbinds, mut binds) = (Vec::new(), Vec::new());
        for change in 0..CHANGES {
            let n = change * 7 % self.vpcs.len();
            unbinds.push(timed(|| self.unbind(n)));
            binds.push(timed(|| self.bind(n)));
        }
        (median(unbinds), median(binds))
    }

    fn status(&self, verify: bool) -> Vec<VpcStatus> {
        self.runtime.block_on(self.client.status(verify)).unwrap().vpcs
    }

    /// Waits until every VPC's instance is known as its holder.
    fn wait_held(&self) {
        wait_for("every HAVIP to be held", PATIENT, || {
            let holders = self.runtime.block_on(self.client.holders()).unwrap();
            let held = holders.iter().filter(|holder| !holder.instance.is_empty()).count();
            if held == self.vpcs.len() { Ok(()) } else { Err(format!("{held} are")) }
        })
        .unwrap();
    }

    /// Waits until every kernel, read back, has what it should.
    fn wait_agree(&self) -> Duration {
        let begin = Instant::now();
        wait_for("kernel and fold to agree in every VPC", PATIENT, || {
            let vpcs = self.status(true);
            let wrong = vpcs.iter().find(|vpc| !vpc.fault.is_empty() || !vpc.differences.is_empty());
            wrong.map_or(Ok(()), |vpc| Err(format!("{vpc:?}")))
        })
        .unwrap();
        begin.elapsed()
    }
}

async fn create(client: &Client, n: usize) -> Vpc {
    let name = crowd::name(n);
    let vpc = client.vpc(&name).await.unwrap();
    let subnet = client.subnet(&vpc, &name, crowd::SUBNET).await.unwrap();
    let address = crowd::INSTANCE.to_string();
    let vnic = client.vnic(&subnet, &name, &crowd::mac(n), &address).await.unwrap();
    let havip = client.havip(&subnet, &name, &crowd::HAVIP.to_string(), &[&vnic]).await.unwrap();
    let eip = client.eip().await.unwrap();
    assert_eq!(eip.address, crowd::eip(n).to_string());
    client.bind(&eip.name, &havip.name, Uuid::now_v7()).await.unwrap();
    Vpc { eip: eip.name, havip: havip.name }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// What it costs to have that many.
struct Cost {
    /// Until a killed process is gone: the kernel closes its sockets.
    end: Duration,
    start: Duration,
    unbind: Duration,
    bind: Duration,
    idle: f64,
    usage: Usage,
}

/// Restarts the server over what is in the kernels, and measures.
fn measure(server: &mut Mooringd, world: &mut World) -> Cost {
    let end = timed(|| server.kill9().unwrap());
    let start = timed(|| server.restart(None).unwrap());
    world.reconnect(server);
    world.wait_agree();
    let (unbind, bind) = world.change();
    let pid = server.pid().unwrap();
    let (before, begin) = (usage(pid).unwrap(), Instant::now());
    std::thread::sleep(Duration::from_secs(2));
    let usage = usage(pid).unwrap();
    let idle = (usage.cpu - before.cpu).as_secs_f64() / begin.elapsed().as_secs_f64();
    let cost = Cost { end, start, unbind, bind, idle, usage };
    show(&format!(
        "many_vpcs: {} VPCs: end {}, start {}, unbind {}, bind {}, {} threads, {} MiB, idle {:.1} % of a core",
        world.vpcs.len(),
        ms(cost.end),
        ms(cost.start),
        ms(cost.unbind),
        ms(cost.bind),
        cost.usage.threads,
        cost.usage.rss >> 20,
        cost.idle * 100.0
    ));
    cost
}

/// Says on these instances' links who they are; each service is bound to one link.
fn serve(crowd: &Crowd, which: Range<usize>) {
    let sockets = crowd.instances.run(|| {
        let open = |n: usize| {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
            socket.set_reuse_address(true).unwrap();
            socket.bind_device(Some(format!("h{n}").as_bytes())).unwrap();
            socket.bind(&SocketAddrV4::new(crowd::HAVIP, PORT).into()).unwrap();
            UdpSocket::from(socket)
        };
        which.clone().map(open).collect::<Vec<_>>()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let all = which.zip(sockets.unwrap()).map(async |(n, socket)| {
                socket.set_nonblocking(true).unwrap();
                let socket = tokio::net::UdpSocket::from_std(socket).unwrap();
                let mut buffer = [0; 64];
                loop {
                    let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
                    let answer = [format!("vpc-{n} {peer} ").as_bytes(), &buffer[..length]].concat();
                    let _ = socket.send_to(&answer, peer).await;
                }
            });
            futures::future::join_all(all).await;
        });
    });
}

/// Asks through an EIP who is behind it.
fn behind(crowd: &Crowd, n: usize) -> std::io::Result<String> {
    let to = SocketAddrV4::new(crowd::eip(n), PORT);
    Ok(udp_ask(&crowd.outside, crowd::OUTSIDE, to, b"who", SOON)?.server)
}

#[test]
fn three_hundred_vpcs_cost_what_changes_and_one_that_fails_holds_up_no_other() {
    let many = number("MOORING_VPCS", 300) as usize;
    let begin = Instant::now();
    let crowd = Crowd::new(many).unwrap();
    show(&format!("many_vpcs: {many} routers made in {}", ms(begin.elapsed())));
    let folder = own_folder().unwrap();
    let mut server = Mooringd::start_in(folder.path(), &crowd.places(), Options::default()).unwrap();
    let mut world = World::connect(&server);
    world.runtime.block_on(world.client.pool(crowd::POOL)).unwrap();
    serve(&crowd, 0..many);

    world.create_up_to(FEW);
    world.wait_held();
    let few = measure(&mut server, &mut world);
    let creation = timed(|| world.create_up_to(many));
    world.wait_held();
    show(&format!("many_vpcs: {} VPCs created and bound in {}", many - FEW, ms(creation)));
    let all = measure(&mut server, &mut world);
    let added = (many - FEW) as u64;
    let per_vpc = all.usage.rss.saturating_sub(few.usage.rss) / added;
    let ratio = |many: Duration, few: Duration| many.as_secs_f64() / few.as_secs_f64();
    let (unbind, bind) = (ratio(all.unbind, few.unbind), ratio(all.bind, few.bind));
    show(&format!(
        "many_vpcs: a change with {many} beside one with {FEW}: unbind × {unbind:.1}, bind × {bind:.1}; \
         memory per VPC {} KiB, start per VPC {}",
        per_vpc >> 10,
        ms(all.start.saturating_sub(few.start) / added as u32)
    ));
    for n in (0..many).step_by(many.div_ceil(30)).chain([many - 1]) {
        assert_eq!(behind(&crowd, n).unwrap(), crowd::name(n));
    }
    assert!(per_vpc < 4 << 20, "{per_vpc} bytes for a VPC");
    assert!(unbind < 50.0 && bind < 50.0, "a change must not cost what is there: {unbind} {bind}");

    one_fails(&crowd, &mut server, &mut world);
}

fn one_fails(crowd: &Crowd, server: &mut Mooringd, world: &mut World) {
    const GONE: usize = 1;
    crowd.remove(GONE).unwrap();
    let of = |world: &World| {
        let name = crowd::name(GONE);
        world.status(false).into_iter().find(|vpc| vpc.display_name == name).unwrap()
    };
    wait_for("the fault to be shown", PATIENT, || {
        let vpc = of(world);
        if vpc.fault.is_empty() { Err(format!("{vpc:?}")) } else { Ok(()) }
    })
    .unwrap();
    let (unbind, bind) = world_without(world, GONE);
    show(&format!("many_vpcs: one VPC is gone: unbind {}, bind {} elsewhere", ms(unbind), ms(bind)));
    // Its own unbind waits for nobody: nothing is carried. One that waits is refused after 20 s.
    let own = timed(|| world.unbind(GONE));
    show(&format!("many_vpcs: an unbind in the VPC that is gone: {}", ms(own)));
    assert_eq!(behind(crowd, 0).unwrap(), crowd::name(0));

    server.kill9().unwrap();
    let start = timed(|| server.restart(None).unwrap());
    world.reconnect(server);
    show(&format!("many_vpcs: a start with one VPC gone: {}", ms(start)));
    let Vpc { eip, havip } = &world.vpcs[GONE];
    world.runtime.block_on(world.client.bind_stored(eip, havip, Uuid::now_v7())).unwrap();
    crowd.make(GONE).unwrap();
    serve(crowd, GONE..GONE + 1);
    let back = world.wait_agree();
    let begin = Instant::now();
    wait_for("packets through the VPC that is back", PATIENT, || match behind(crowd, GONE) {
        Ok(name) if name == crowd::name(GONE) => Ok(()),
        other => Err(format!("{other:?}; {:?}", of(world))),
    })
    .unwrap();
    show(&format!(
        "many_vpcs: applied {} after it came back, packets {} later",
        ms(back),
        ms(begin.elapsed())
    ));
}

/// A change in every other VPC than one.
fn world_without(world: &World, gone: usize) -> (Duration, Duration) {
    let (mut unbinds, mut binds) = (Vec::new(), Vec::new());
    for n in (0..world.vpcs.len()).filter(|n| *n != gone).step_by(10) {
        unbinds.push(timed(|| world.unbind(n)));
        binds.push(timed(|| world.bind(n)));
    }
    (median(unbinds), median(binds))
}
