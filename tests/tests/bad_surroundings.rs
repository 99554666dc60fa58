//! What is wrong around the process: its data, its port, its file of places, its rights, its disk. Each gets one clear
//! error that names the thing, and changes nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mooring_tests::server::{Options, own_folder};
use mooring_tests::{Lab, Mooringd, wait_for};

const PATIENT: Duration = Duration::from_secs(10);

/// A start that is refused with exit code 1 and words that name the thing.
fn refused(folder: &Path, places: &str, options: Options, words: &[&str]) {
    let (status, log) = Mooringd::refused(folder, places, options).unwrap();
    assert_eq!(status.code(), Some(1), "{log}");
    assert_eq!(log.matches("ERROR").count(), 1, "one clear error: {log}");
    let (_, error) = log.split_once("ERROR").unwrap();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in: {error}");
    }
}

/// Waits until `moor status` says that the VPC is not applied, for a reason that has these words.
fn wait_fault(server: &Mooringd, words: &[&str]) {
    wait_for("the fault in `moor status`", PATIENT, || {
        let status = server.moor("status -o json").map_err(|error| format!("{error:#}"))?;
        let named = words.iter().all(|word| status.out.contains(word));
        if status.exit == 5 && named { Ok(()) } else { Err(format!("exit {}: {}", status.exit, status.out)) }
    })
    .unwrap();
}

/// What `/metrics` says of the VPC's faults.
fn faults(server: &Mooringd) -> String {
    let metrics = server.metrics().unwrap();
    let of_vpc = metrics.lines().find(|line| line.starts_with("mooring_vpc_fault{")).unwrap();
    of_vpc.rsplit(' ').next().unwrap().to_owned()
}

/// Every file of a folder with its bytes.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(content(&path));
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

/// The file of region r1's log that has the most bytes.
fn segment(data: &Path) -> PathBuf {
    let files = content(&data.join("log").join("r1"));
    files.into_iter().max_by_key(|(_, bytes)| bytes.iter().filter(|byte| **byte != 0).count()).unwrap().0
}

#[test]
fn a_flipped_bit_in_the_middle_of_the_log() {
    let folder = own_folder().unwrap();
    let mut server = Mooringd::start_in(folder.path(), "", Options::default()).unwrap();
    server.stock().unwrap();
    server.stop().unwrap();
    let data = server.data();
    let file = segment(&data);
    let mut bytes = fs::read(&file).unwrap();
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[written / 2] ^= 0x10;
    fs::write(&file, bytes).unwrap();
    let log = data.join("log");
    let before = content(&log);
    fs::remove_file(folder.path().join("mooringd.log")).unwrap();
    refused(folder.path(), "", Options::default(), &["r1", file.file_name().unwrap().to_str().unwrap()]);
    assert_eq!(content(&log), before, "a damaged log is left as it is");
}

#[test]
fn a_data_folder_that_is_a_file() {
    let folder = own_folder().unwrap();
    let data = folder.path().join("data");
    fs::write(&data, "not a folder").unwrap();
    refused(folder.path(), "", Options::default(), &["--data", data.to_str().unwrap()]);
    assert_eq!(fs::read(&data).unwrap(), b"not a folder");
}

#[test]
fn a_data_folder_that_another_process_has_open() {
    let server = Mooringd::alone(Options::default()).unwrap();
    let folder = own_folder().unwrap();
    let options = Options { data: Some(server.data()), ..Options::default() };
    refused(folder.path(), "", options, &[server.data().to_str().unwrap()]);
    server.stock().unwrap();
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let folder = own_folder().unwrap();
    let options = Options { listen: listen.clone(), ..Options::default() };
    refused(folder.path(), "", options, &["--listen", &listen, "another process has the port"]);
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

#[test]
fn an_address_that_strangers_can_reach() {
    let folder = own_folder().unwrap();
    let options = Options { listen: "0.0.0.0:0".to_owned(), ..Options::default() };
    refused(folder.path(), "", options, &["--listen", "0.0.0.0:0", "--insecure"]);
}

#[test]
fn a_places_file_that_cannot_be_read_as_one() {
    let folder = own_folder().unwrap();
    let places = "[[vpc]]\nname = \"*\"\nnetns = \"x\"\ninsied = \"in0\"\noutside = \"out0\"\n";
    refused(folder.path(), places, Options::default(), &["places.toml", "insied", "line 4"]);
}

#[test]
fn a_namespace_that_does_not_exist() {
    let folder = own_folder().unwrap();
    let places = "[[vpc]]\nname = \"*\"\nnetns = \"nowhere-at-all\"\ninside = \"in0\"\noutside = \"out0\"\n";
    let server = Mooringd::start_in(folder.path(), places, Options::default()).unwrap();
    server.stock().unwrap();
    wait_fault(&server, &["there is no network namespace", "nowhere-at-all"]);
    server.ask("bind web front").unwrap();
    server.ask("unbind web").unwrap();
    assert!(!Path::new("/run/netns/nowhere-at-all").exists(), "Mooring never creates a namespace");
}

#[test]
fn a_link_that_does_not_exist_and_comes_later() {
    let lab = Lab::new().unwrap();
    let places = lab.places().replace("in0", "later0");
    let server = Mooringd::start_in(lab.folder(), &places, Options::default()).unwrap();
    server.stock().unwrap();
    wait_fault(&server, &["there is no link", "later0"]);
    assert_eq!(faults(&server), "1");
    assert_eq!(lab.gateway.output("nft list tables").unwrap(), "");
    lab.gateway.ip("link set in0 down\nlink set in0 name later0\nlink set later0 up").unwrap();
    wait_for("the VPC to be applied", PATIENT, || match server.moor("status --verify").unwrap() {
        status if status.exit == 0 => Ok(()),
        status => Err(status.out),
    })
    .unwrap();
    assert_eq!(faults(&server), "0");
}

#[test]
fn a_process_without_the_capability_net_admin() {
    let lab = Lab::new().unwrap();
    let wrapper = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"].map(str::to_owned);
    let options = Options { wrapper: wrapper.to_vec(), ..Options::default() };
    let server = Mooringd::start(&lab, options).unwrap();
    server.stock().unwrap();
    wait_fault(&server, &["CAP_NET_ADMIN"]);
    assert_eq!(lab.gateway.output("nft list tables").unwrap(), "");
}

#[test]
fn nobody_takes_the_logs() {
    let wrapper = ["sh", "-c", "exec \"$@\" 2>/dev/full", "sh"].map(str::to_owned).to_vec();
    let server = Mooringd::alone(Options { wrapper, ..Options::default() }).unwrap();
    server.stock().unwrap();
    assert_eq!(server.log(), "");
}

/// The data folder is a small disk that only this process sees; it is filled through `/proc`.
#[test]
fn a_full_disk_refuses_writes_and_goes_on_reading() {
    let folder = own_folder().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let mount = format!("mount -t tmpfs -o size=24m none {} && exec \"$@\"", data.display());
    let wrapper = ["unshare", "--mount", "sh", "-c", &mount, "--"].map(str::to_owned);
    let options = Options { wrapper: wrapper.to_vec(), ..Options::default() };
    let server = Mooringd::start_in(folder.path(), "", options).unwrap();
    server.stock().unwrap();
    server.ask("quota update --eips 1000000").unwrap();
    let inside = PathBuf::from(format!("/proc/{}/root", server.pid().unwrap()));
    let ballast = inside.join(data.strip_prefix("/").unwrap()).join("ballast");
    fill(&ballast);

    let refusal = wait_for("a write to be refused", PATIENT, || {
        let answer = server.moor("eip allocate -o json").map_err(|error| format!("{error:#}"))?;
        if answer.exit == 0 {
            Err(answer.out)
        } else {
            answer.refusal().map_err(|error| format!("{error:#}"))
        }
    })
    .unwrap();
    assert_eq!((refusal.exit, refusal.reason.as_str()), (1, "LOG_FULL"), "{refusal:?}");
    let eips = server.ask("eip list").unwrap();
    let events = server.events().unwrap().len();
    server.refuse("vpc create green").unwrap();
    assert_eq!(server.ask("eip list").unwrap(), eips, "reads go on, and nothing changed");
    assert_eq!(server.events().unwrap().len(), events);

    fs::remove_file(&ballast).unwrap();
    server.ask("vpc create green").unwrap();
    assert_eq!(server.events().unwrap().len(), events + 1);
}

/// Writes until there is no room.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![7; size]).is_ok() {}
    }
}
