//! `docs/deploy.md` is true: every command in it is run as it is printed, in order, on a machine of its own. That is a
//! network, processes, `/etc` and `/var` which nothing else sees, so that the page can have the paths and ports of a
//! real machine. What was there before the log moved is in the log after all of it, to the byte.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Before the page: a machine, and a way to start what stays.
const MACHINE: &str = r#"
set -euo pipefail
ip link set lo up
mount -t tmpfs none /mnt && cp -a /etc/. /mnt && mount --move /mnt /etc
mount -t tmpfs none /var && mkdir -p /var/lib /var/backups /var/tmp /etc/mooring /etc/nats
: > /etc/mooring/places.toml
unset ${!MOORING_*}
begin() {
  started=$((${started:-0} + 1))
  local log="$WORK/start-$started.log"
  echo "+ $*"
  "$@" > "$log" 2>&1 &
  local process=$!
  for try in $(seq 600); do
    if grep --quiet -e '^ready ' -e 'Server is ready' "$log"; then return 0; fi
    if ! kill -0 $process 2> /dev/null; then break; fi
    sleep 0.1
  done
  echo "not ready: $*"; cat "$log"; exit 1
}
"#;

/// After the first thing that was started, which is the `mooringd` that is to be taken apart.
const STOCK: &str = r#"
(
  export MOORING_PROJECT=p1 MOORING_REGION=r1
  moor pool create public 203.0.113.64/27
  moor vpc create blue
  moor subnet create web --vpc blue --cidr 10.0.1.0/24
  moor vnic create vm-a --subnet web --mac 02:00:00:00:01:0a --address 10.0.1.11
  moor havip create front --subnet web --address 10.0.1.50 --member vm-a
  moor eip allocate site
  moor bind site front
  moor log -o json > "$WORK/before"
)
"#;

/// After the page.
const AFTER: &str = r#"
moor ready
moor log -o json > "$WORK/after"
head --lines="$(wc --lines < "$WORK/before")" "$WORK/after" | diff - "$WORK/before"
moor unbind site
echo "the page is true"
"#;

/// A block of the page: what is run to its end, or what stays.
#[derive(Debug, PartialEq)]
enum Block {
    Run(String),
    Start(String),
}

/// The blocks that are commands, in order.
fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (Vec::new(), None);
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some((kind.to_owned(), String::new())),
            (Some(_), Some(_)) => match open.take() {
                Some((kind, text)) if kind == "sh" => blocks.push(Block::Run(text)),
                Some((kind, text)) if kind == "sh start" => blocks.push(Block::Start(text)),
                _ => {}
            },
            (Some((_, text)), None) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// The page as one script.
fn script(page: &str) -> String {
    let (mut script, mut stocked) = (MACHINE.to_owned(), false);
    for block in blocks(page) {
        match block {
            Block::Run(text) => script += &format!("set -x\n{text}{{ set +x; }} 2> /dev/null\n"),
            Block::Start(text) => {
                text.lines().for_each(|line| script += &format!("begin {line}\n"));
                if !stocked {
                    script += STOCK;
                    stocked = true;
                }
            }
        }
    }
    script + AFTER
}

/// Where the programs of this workspace are: one above the test programs.
fn programs() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

#[test]
fn every_command_of_the_page_does_what_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deploy.md");
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("page.sh");
    std::fs::write(&file, script(&std::fs::read_to_string(page).unwrap())).unwrap();
    let path = format!("{}:{}", programs().display(), std::env::var("PATH").unwrap());
    let alone = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let done = Command::new("unshare")
        .args(alone)
        .arg("bash")
        .arg(&file)
        .env("PATH", path)
        .env("WORK", work.path())
        .output()
        .unwrap();
    let (out, error) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{}\n{out}\n{error}", done.status);
    assert!(out.ends_with("the page is true\n"), "{out}\n{error}");
}

#[test]
fn blocks_are_told_apart_by_what_stands_after_the_backticks() {
    let page = "a\n```sh\nmoor ready\n```\n```\na picture\n```\n```sh start\nmooringd --data d\n```\n";
    let found = [Block::Run("moor ready\n".to_owned()), Block::Start("mooringd --data d\n".to_owned())];
    assert_eq!(blocks(page), found);
}
