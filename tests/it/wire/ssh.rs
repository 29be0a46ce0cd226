//! SSH: in the second version of the protocol and in the first, both services at a time, and
//! nobody left behind.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::many::{many, service, traffic};
use crate::support::git::git;
use crate::support::hooks::executable;
use crate::support::pinrail::{Run, pinrail_at, run};
use crate::support::root::Root;
use crate::support::sshd::Sshd;
use crate::support::way::pin;
use crate::support::witness::assert_none_runs_with;

pub const VERSION: &str = "AcceptEnv GIT_PROTOCOL\n";
/// Runs upload-pack alone.
const READ_ONLY: &str = "\
case $1 in
  git-upload-pack) sh -c \"$SSH_ORIGINAL_COMMAND\" ;;
  *) echo 'You may only read.' >&2; false ;;
esac";

/// A services-root behind SSH, each of whose services runs through a script that keeps a diary.
pub struct Shell {
    server: Sshd,
    folder: TempDir,
    pub root: Root,
}

impl Shell {
    /// `script` runs `$SSH_ORIGINAL_COMMAND`, or something else.
    fn new(root: Root, lines: &str, script: &str) -> Shell {
        let folder = tempfile::tempdir().expect("create a directory");
        let wrapper = folder.path().join("wrapper");
        let diary = folder.path().join("diary");
        let text = format!(
            "#!/bin/sh\nset -- $SSH_ORIGINAL_COMMAND\necho \"start $1\" >>'{0}'\n{script}\n\
             code=$?\necho \"end $1\" >>'{0}'\nexit $code\n",
            diary.display()
        );
        executable(&wrapper, &text);
        let lines = format!("{lines}ForceCommand {}\n", wrapper.display());
        let server = Sshd::configured(folder.path(), &lines);
        Shell { server, folder, root }
    }

    pub fn usual(root: Root, lines: &str) -> Shell {
        Shell::new(root, lines, "sh -c \"$SSH_ORIGINAL_COMMAND\"")
    }

    fn with_ssh(&self, mut command: Command) -> Command {
        command.env("GIT_SSH_COMMAND", self.server.ssh_command());
        command
    }

    fn url(&self) -> String {
        self.server.url(&self.root.repo())
    }

    pub fn pin(&self, service: &str, tag: &str) -> Run {
        run(&mut self.with_ssh(pin(&self.url(), service, tag)))
    }

    fn diary_path(&self) -> PathBuf {
        self.folder.path().join("diary")
    }

    /// When services started and ended, in order.
    pub fn diary(&self) -> Vec<String> {
        let text = fs::read_to_string(self.diary_path()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn count(&self, entry: &str) -> usize {
        self.diary().iter().filter(|line| *line == entry).count()
    }
}

#[test]
fn the_second_version_brings_far_less_than_the_first() {
    let name = service("services", 7);
    let bytes = |lines: &str| {
        let shell = Shell::usual(many(1, 300).0, lines);
        let pinned = shell.pin(&name, "2");
        pinned.assert_pinned_once(&shell.root, &name, "2");
        assert_eq!(shell.count("start git-receive-pack"), 1, "{:?}", shell.diary());
        let told = run(shell.with_ssh(pin(&shell.url(), &name, "3")).arg("-v"));
        told.assert_pinned_once(&shell.root, &name, "3");
        assert_eq!(told.stderr.contains("libgit2"), lines.is_empty(), "{told:#?}");
        traffic(&pinned, "receivedBytes")
    };
    let (second, first) = (bytes(VERSION), bytes(""));
    assert!(second * 5 < first, "{second} bytes, and {first} in the first version");
}

#[test]
fn the_way_for_the_push_is_made_before_anything_is_read() {
    for lines in [VERSION, ""] {
        let root = Root::new(&["api"]);
        // Reading begins when receive-pack runs, and never without it.
        let script = "\
tries=0
while [ $1 = git-upload-pack ] && ! grep -q 'start git-receive-pack' \"${0%/*}/diary\"; do
  tries=$((tries + 1))
  [ $tries -lt 200 ] || { echo 'Nobody is going to push.' >&2; exit 1; }
  sleep 0.05
done
sh -c \"$SSH_ORIGINAL_COMMAND\"";
        let shell = Shell::new(root, lines, script);
        shell.pin("api", "1").assert_pinned_once(&shell.root, "api", "1");
        assert_eq!(shell.count("start git-receive-pack"), 1, "{:?}", shell.diary());
    }
}

#[test]
fn one_run_of_each_service_is_enough() {
    let shell = Shell::usual(Root::new(&["api"]), VERSION);
    shell.pin("api", "1").assert_pinned_once(&shell.root, "api", "1");
    for entry in ["start git-upload-pack", "start git-receive-pack"] {
        assert_eq!(shell.count(entry), 1, "{:?}", shell.diary());
    }
}

#[test]
fn a_pin_that_is_there_already_leaves_no_service_behind() {
    for lines in [VERSION, ""] {
        let shell = Shell::usual(Root::new(&["api"]), lines);
        shell.pin("api", "1").assert_pinned_once(&shell.root, "api", "1");
        let before = shell.root.refs();
        let temporary = tempfile::tempdir().expect("create a directory");
        let mut again = shell.with_ssh(pin(&shell.url(), "api", "1"));
        again.env("TMPDIR", temporary.path());
        run(&mut again).assert_verdict("0 unchanged");
        assert_none_runs_with(&shell.root.repo());
        assert_none_runs_with(temporary.path());
        let left: Vec<_> = fs::read_dir(temporary.path()).expect("list it").collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(shell.root.refs(), before);
    }
}

#[test]
fn who_may_only_read_can_look_and_is_told_when_pushing() {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    let before = root.refs();
    let shell = Shell::new(root, VERSION, READ_ONLY);
    let status = shell.with_ssh(pinrail_at(&shell.url(), &["--json", "status"]));
    let looked = run(&mut { status }).succeeded();
    assert!(looked.stdout.contains("\"api\""), "{looked:#?}");
    assert_eq!(shell.count("start git-receive-pack"), 0, "{:?}", shell.diary());
    let failed = shell.pin("api", "2");
    assert_ne!(failed.code, 0, "{failed:#?}");
    assert!(failed.message().contains("You may only read."), "{failed:#?}");
    assert_eq!(shell.root.refs(), before);
}

#[test]
fn who_may_only_read_finds_a_pin_that_is_there_already() {
    let shell = Shell::new(Root::new(&["api"]), VERSION, READ_ONLY);
    let path = shell.root.repo();
    let path = path.to_str().expect("the path is UTF-8");
    run(&mut pin(path, "api", "1")).assert_verdict("0 pinned");
    let before = shell.root.refs();
    let again = shell.pin("api", "1");
    again.assert_verdict("0 unchanged");
    assert!(!again.stderr.contains("You may only read."), "{again:#?}");
    assert_eq!(shell.root.refs(), before);
}

#[test]
fn a_receive_pack_that_takes_no_thin_packs_gets_a_whole_one() {
    let root = Root::new(&["api"]);
    root.stage("api", "1");
    // A pack is kept as it comes, instead of being taken apart.
    git(&root.repo(), &["config", "receive.unpackLimit", "1"]);
    let script = "case $1 in\n\
                  git-upload-pack) sh -c \"$SSH_ORIGINAL_COMMAND\" ;;\n\
                  *) sh -c \"git receive-pack --reject-thin-pack-for-testing $2\" ;;\n\
                  esac";
    let shell = Shell::new(root, VERSION, script);
    shell.pin("api", "2").assert_pinned_once(&shell.root, "api", "2");
    // The first one was thin.
    assert_eq!(shell.count("start git-receive-pack"), 2, "{:?}", shell.diary());
}

#[test]
fn a_server_that_lets_us_only_read_is_found_without_a_push() {
    let shell = Shell::new(Root::new(&["api"]), VERSION, READ_ONLY);
    let arguments = ["--json", "doctor"];
    let told = run(&mut shell.with_ssh(pinrail_at(&shell.url(), &arguments)));
    assert_eq!((told.code, &told.document()["outcome"]), (5, &"refused".into()), "{told:?}");
    assert!(told.stdout.contains("You may only read."), "{told:?}");
}
