//! A laboratory whose gateway a `mooringd` runs: EIP 203.0.113.70 fronts 10.0.1.50, which vm-a has and holds.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use mooring_dataplane::{Driver as _, Kernel, Place};
use mooring_proto::dataplane::v1::{ListElementsRequest, dataplane_service_client::DataplaneServiceClient};
use mooring_tests::{
    Lab, Mooringd, Namespace, channel, lab,
    probe::{UdpEcho, udp_ask},
    server::Options,
    wait_for,
};
use tonic::{Code, transport::Endpoint};
use tonic_types::StatusExt;

/// For what may be slow on a busy machine.
pub const PATIENT: Duration = Duration::from_secs(15);
/// Within this time a gateway mends what somebody broke.
pub const SOON: Duration = Duration::from_secs(1);
/// For what must not come.
pub const SHORT: Duration = Duration::from_millis(300);
pub const PORT: u16 = 7000;
pub const EIP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 70);

pub struct Stage {
    pub server: Mooringd,
    _services: Vec<UdpEcho>,
    pub lab: Lab,
}

pub fn at(address: Ipv4Addr) -> SocketAddrV4 {
    SocketAddrV4::new(address, PORT)
}

impl Stage {
    /// The EIP is carried.
    pub fn carrying() -> Result<Stage> {
        Stage::carrying_with(Options::default())
    }

    pub fn carrying_with(options: Options) -> Result<Stage> {
        let stage = Stage::stocked(options, Lab::places)?;
        stage.server.ask("bind web front --wait")?;
        stage.wait_carried()?;
        stage.wait_agree()?;
        Ok(stage)
    }

    /// Everything is there, and nothing bound.
    pub fn stocked(options: Options, places: impl FnOnce(&Lab) -> String) -> Result<Stage> {
        Stage::stocked_in(Lab::new()?, options, places)
    }

    pub fn stocked_in(lab: Lab, options: Options, places: impl FnOnce(&Lab) -> String) -> Result<Stage> {
        lab.vm_a.ip(&format!("address add {}/32 dev eth0", lab::HAVIP))?;
        let mut services = Vec::new();
        for vm in [&lab.vm_a, &lab.vm_b] {
            services.push(UdpEcho::start(vm, at(lab::HAVIP), vm.role())?);
        }
        let server = Mooringd::start_in(lab.folder(), &places(&lab), options)?;
        server.stock()?;
        Ok(Stage { server, _services: services, lab })
    }

    /// Who answers at the EIP.
    pub fn who(&self) -> io::Result<String> {
        self.who_at(EIP)
    }

    pub fn who_at(&self, eip: Ipv4Addr) -> io::Result<String> {
        Ok(udp_ask(&self.lab.client, lab::CLIENT, at(eip), b"who", SHORT)?.server)
    }

    /// Waits until vm-a answers at the EIP, and returns how long it took.
    pub fn wait_carried(&self) -> Result<Duration> {
        let begin = Instant::now();
        wait_for("vm-a to answer at the EIP", PATIENT, || match self.who() {
            Ok(who) if who == "vm-a" => Ok(()),
            other => Err(format!("{other:?}; {}", self.status())),
        })?;
        Ok(begin.elapsed())
    }

    /// Waits until what an instance sends from the HAVIP, which it has got without telling anybody, passes the gateway:
    /// the fence drops it at first, and so the gateway asks.
    pub fn wait_moved_to(&self, vm: &Namespace) -> Result<()> {
        let _client = UdpEcho::start(&self.lab.client, at(lab::CLIENT), "client")?;
        wait_for("what the new holder sends from the HAVIP to pass", PATIENT, || {
            let answer = udp_ask(vm, lab::HAVIP, at(lab::CLIENT), b"me", SHORT);
            answer.map(drop).map_err(|error| error.to_string())
        })
    }

    /// Waits until kernel and fold agree, every table read back.
    pub fn wait_agree(&self) -> Result<Duration> {
        let begin = Instant::now();
        wait_for("kernel and fold to agree", PATIENT, || match self.server.moor("status --verify") {
            Ok(answer) if answer.exit == 0 => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        Ok(begin.elapsed())
    }

    /// Waits until `moor status` fails with 5 and says all of these words.
    pub fn wait_fault(&self, words: &[&str]) -> Result<()> {
        wait_for(&format!("`moor status` to say {words:?}"), PATIENT, || {
            let answer = self.server.moor("status").map_err(|error| format!("{error:#}"))?;
            let said = words.iter().all(|word| answer.out.contains(word));
            if answer.exit == 5 && said { Ok(()) } else { Err(format!("{answer:?}")) }
        })
    }

    /// Asked for its elements the gateway says that it can't read them, and that this may pass.
    pub fn is_unreadable(&self) {
        let vpc = self.server.ask("vpc get blue").unwrap()["name"].as_str().unwrap().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let status = runtime.block_on(async {
            let endpoint = Endpoint::from_shared(format!("http://{}", self.server.address())).unwrap();
            let mut dataplane = DataplaneServiceClient::new(channel::connect(endpoint).await.unwrap());
            dataplane.list_elements(ListElementsRequest { parent: vpc }).await.unwrap_err()
        });
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (status.code(), info.reason.as_str()),
            (Code::Unavailable, "KERNEL_UNREADABLE"),
            "{status:?}"
        );
        assert_eq!(info.metadata["retryable"], "true");
    }

    fn status(&self) -> String {
        self.server.moor("status --verify").map_or_else(|error| format!("{error:#}"), |answer| answer.out)
    }

    /// Writes another places file.
    pub fn set_places(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.lab.folder().join("places.toml"), text)?)
    }

    /// How often the log has said this.
    pub fn said(&self, words: &str) -> usize {
        self.server.log().lines().filter(|line| line.contains(words)).count()
    }

    /// The state of an EIP.
    pub fn state_of(&self, eip: &str) -> Result<String> {
        let eip = self.server.ask(&format!("eip get {eip}"))?;
        Ok(eip["state"].as_str().unwrap_or_default().to_owned())
    }
}

/// An entry of the places file.
pub fn place(vpc: &str, netns: &str) -> String {
    format!("[[vpc]]\nname = \"{vpc}\"\nnetns = \"{netns}\"\ninside = \"in0\"\noutside = \"out0\"\n")
}

/// Everything in a router namespace that Mooring or a stranger may have put there, word by word and sorted: the kernel
/// lists a set's elements in no order. Counters, handles and ages are left out.
pub fn content(router: &Namespace) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for look in ["nft -s list ruleset", "ip -4 route show table all", "ip -4 neigh show nud permanent"] {
        for line in router.output(look)?.lines() {
            let mut words: Vec<&str> = line.split([' ', '\t', ',']).filter(|word| !word.is_empty()).collect();
            words.sort_unstable();
            lines.push(format!("{look}: {}", words.join(" ")));
        }
    }
    lines.sort_unstable();
    Ok(lines)
}

/// Everything in a router namespace that names an address.
pub fn traces(router: &Namespace, address: Ipv4Addr) -> Result<Vec<String>> {
    let address = address.to_string();
    let named = |line: &String| {
        let mut words = line.split(|c: char| !(c.is_ascii_digit() || c == '.'));
        words.any(|word| word == address)
    };
    Ok(content(router)?.into_iter().filter(named).collect())
}

/// nftables' generation in a router namespace: it grows with every change, whoever makes it.
pub fn generation(router: &Namespace) -> Result<u32> {
    let netns = Some(router.name().to_owned());
    let place =
        Place { netns, inside: "in0".to_owned(), outside: "out0".to_owned(), arp: true, hairpin: false };
    Ok(Kernel::open(&place)?.generation()?)
}

/// Waits until a router namespace is as it was.
pub fn wait_content(router: &Namespace, wanted: &[String]) -> Result<Duration> {
    let begin = Instant::now();
    wait_for("the router namespace to be as it was", PATIENT, || {
        let now = content(router).map_err(|error| format!("{error:#}"))?;
        let lost: Vec<_> = wanted.iter().filter(|line| !now.contains(line)).collect();
        let new: Vec<_> = now.iter().filter(|line| !wanted.contains(line)).collect();
        if now == wanted { Ok(()) } else { Err(format!("missing {lost:#?}, too many {new:#?}")) }
    })?;
    Ok(begin.elapsed())
}

/// Fails unless nothing answers at the EIP.
pub fn silent(stage: &Stage) -> Result<()> {
    let answer = stage.who();
    ensure!(answer.is_err(), "{answer:?} answers");
    Ok(())
}
