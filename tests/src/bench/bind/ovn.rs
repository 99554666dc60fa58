//! The peer: OVN's northbound and southbound databases and northd, one logical router with a gateway chassis, and no kernel
//! part. What is timed is the call of its own client, which waits until the southbound database has the NAT.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::super::elements::{FIRST_EIP, FIRST_HAVIP, at};
use super::super::figure::Figure;
use super::super::report::Report;
use super::super::shares::Shares;
use super::BENCH;
use crate::server::own_folder;
use crate::wait::wait_for;

const NATS: [u32; 3] = [100, 1_000, 10_000];
const TIMES: u32 = 7;
const PATIENCE: Duration = Duration::from_secs(20);
/// NATs that one call adds before anything is measured.
const AT_ONCE: u32 = 1_000;

/// Its processes, killed with it.
struct Ovn {
    folder: tempfile::TempDir,
    processes: Vec<Child>,
}

/// The median of a few calls, with so many NATs there already.
pub fn measure(report: &mut Report) -> Result<()> {
    let ovn = Ovn::start()?;
    let mut there = 0;
    for nats in NATS {
        while there < nats {
            let more = AT_ONCE.min(nats - there);
            ovn.nbctl(&added(there, more))?;
            there += more;
        }
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let begin = Instant::now();
            ovn.nbctl(&added(there, 1))?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
            there += 1;
        }
        let p50 = Shares::of(times).at(50);
        report.enter(Figure::new(
            BENCH,
            format!("{nats} NATs: OVN, one more in the southbound database, p50"),
            p50,
            "ms",
        ))?;
    }
    Ok(())
}

fn added(first: u32, count: u32) -> String {
    let mut words = "--wait=sb".to_owned();
    for number in first..first + count {
        let (eip, havip) = (at(FIRST_EIP, number), at(FIRST_HAVIP, number));
        let _ = write!(words, " -- lr-nat-add gw dnat_and_snat {eip} {havip}");
    }
    words
}

impl Ovn {
    fn start() -> Result<Ovn> {
        let folder = own_folder()?;
        let mut ovn = Ovn { folder, processes: Vec::new() };
        for name in ["nb", "sb"] {
            let file = ovn.path(&format!("{name}.db"));
            let schema = format!("/usr/share/ovn/ovn-{name}.ovsschema");
            let made = Command::new("ovsdb-tool").args(["create", &file, &schema]).status();
            ensure!(made.context("ovsdb-tool (package ovn-central)")?.success(), "ovsdb-tool {schema}");
            let remote = format!("--remote=punix:{}", ovn.path(&format!("{name}.sock")));
            ovn.run("ovsdb-server", &[&remote, &file])?;
        }
        let (nb, sb) = (ovn.remote("nb"), ovn.remote("sb"));
        for socket in ["nb.sock", "sb.sock"] {
            let socket = ovn.path(socket);
            wait_for(&socket, PATIENCE, || {
                if Path::new(&socket).exists() { Ok(()) } else { Err("it is not there".to_owned()) }
            })?;
        }
        ovn.run("ovn-northd", &[&format!("--ovnnb-db={nb}"), &format!("--ovnsb-db={sb}")])?;
        let mut chassis = Command::new("ovn-sbctl");
        chassis.args(["--db", &sb, "chassis-add", "ch", "geneve", "127.0.0.1"]);
        ensure!(chassis.stdout(Stdio::null()).status()?.success(), "ovn-sbctl chassis-add");
        ovn.nbctl(
            "--wait=sb lr-add gw -- lrp-add gw out 02:00:00:00:02:02 11.0.0.1/8 -- lrp-set-gateway-chassis out ch \
             -- lrp-add gw in 02:00:00:00:01:01 10.0.0.1/8",
        )?;
        Ok(ovn)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn remote(&self, name: &str) -> String {
        format!("unix:{}", self.path(&format!("{name}.sock")))
    }

    fn run(&mut self, program: &str, arguments: &[&str]) -> Result<()> {
        let control = format!("--unixctl={}", self.path(&format!("{program}-{}.ctl", self.processes.len())));
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", program]).args(arguments).arg(control);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.processes.push(child.with_context(|| program.to_owned())?);
        Ok(())
    }

    fn nbctl(&self, words: &str) -> Result<()> {
        let mut command = Command::new("ovn-nbctl");
        command.args(["--db", &self.remote("nb")]).args(words.split_whitespace());
        let done = command.stdin(Stdio::null()).output()?;
        ensure!(done.status.success(), "ovn-nbctl: {}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }
}

impl Drop for Ovn {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
