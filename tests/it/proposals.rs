//! What a request or a push would change, as the judge is told.

use std::path::{Path, PathBuf};

use pinrail::domain::tree::Files;
use pinrail::store::{Checkout, FileKind, Proposal, StoreError};
use tempfile::TempDir;

use crate::support::git::{bare_repository, git};
use crate::support::made::{Commits, Made, tree};

const P: &str = "envs/p/s/x.json";

struct Root {
    folder: TempDir,
    repo: PathBuf,
}

impl Root {
    fn new(commits: &mut Commits, main: usize, head: usize) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let repo = folder.path().join("root.git");
        bare_repository(&repo);
        commits.branch("main", main);
        commits.branch("head", head);
        commits.write(&repo);
        Self { folder, repo }
    }

    fn checkout(&self) -> Checkout {
        Checkout::around(&self.repo).expect("a repository")
    }

    fn proposal(&self) -> Proposal {
        self.checkout().proposal("main", "head").expect("a proposal")
    }

    fn id(&self, commit: usize) -> String {
        git(&self.repo, &["rev-parse", &Commits::name(commit)])
    }
}

/// `path before→after` of each file.
fn lines(proposal: &Proposal) -> Vec<String> {
    let state = |state: &Option<pinrail::store::FileState>| {
        let Some(state) = state else { return "-".to_owned() };
        let text = state.content.as_deref().map(String::from_utf8_lossy);
        match state.kind {
            FileKind::Plain => text.map_or("?".to_owned(), Into::into),
            kind => format!("{kind:?}({})", text.unwrap_or_default()),
        }
    };
    let line = |file: &pinrail::store::ProposedFile| {
        format!("{} {}→{}", file.path, state(&file.before), state(&file.after))
    };
    proposal.files.iter().map(line).collect()
}

#[test]
fn a_request_changes_what_it_has_changed_since_it_left_the_branch() {
    let mut commits = Commits::default();
    let begin = commits.add(
        100,
        &[],
        &[("a", Made::Plain("1")), ("b", Made::Plain("1")), ("c/d", Made::Plain("1"))],
    );
    let main = commits.add(200, &[begin], &[("b", Made::Plain("2"))]);
    let first = commits.add(300, &[begin], &[("a", Made::Plain("2")), ("c", Made::Plain("1"))]);
    let head = commits.add(50, &[first], &[("e/f", Made::Plain("1"))]);
    let test = commits.add(
        400,
        &[main, head],
        &[("a", Made::Plain("2")), ("c", Made::Plain("1")), ("e/f", Made::Plain("1"))],
    );
    let root = Root::new(&mut commits, main, head);
    let expected = ["a 1→2", "c -→1", "c/d 1→-", "e/f -→1"];

    let proposal = root.proposal();
    assert_eq!(lines(&proposal), expected);
    assert_eq!(proposal.commits, [root.id(first), root.id(head)]);
    assert_eq!((proposal.base, proposal.head), (Some(root.id(main)), root.id(head)));
    assert!(!proposal.contains_base);

    // What a forge has merged to try it.
    let tried = root.checkout().proposal("main", &Commits::name(test)).expect("a proposal");
    assert_eq!(lines(&tried), expected);
    assert_eq!(tried.commits.len(), 3);
    assert!(tried.contains_base);

    let same = root.checkout().proposal("main", "main").expect("a proposal");
    assert!(same.contains_base && same.files.is_empty() && same.commits.is_empty());
}

#[test]
fn a_change_lies_on_top_of_a_newer_tip() {
    let mut commits = Commits::default();
    let begin = commits.add(100, &[], &[("e/a", Made::Plain("1")), ("e/b", Made::Plain("1"))]);
    let main = commits.add(200, &[begin], &[("e/b", Made::Plain("2"))]);
    let head = commits.add(
        300,
        &[begin],
        &[("e/a", Made::Plain("2")), ("e/c", Made::Plain("1")), ("e/l", Made::Symlink("a"))],
    );
    let root = Root::new(&mut commits, main, head);
    let (checkout, edits) = (root.checkout(), root.proposal().edits());
    let tip = checkout.commit("main").expect("a commit");
    let after = edits.over(&tip);
    let read = |path| after.read(path).expect("read").map(|bytes| bytes[0]);
    assert_eq!(["e/a", "e/b", "e/c", "e/l"].map(read), [Some(b'2'), Some(b'2'), Some(b'1'), None]);
}

#[test]
fn a_merge_of_its_own_cannot_hide_what_it_takes_back() {
    let mut commits = Commits::default();
    let begin = commits.add(100, &[], &[(P, Made::Plain("old"))]);
    let line = commits.add(300, &[begin], &[("b", Made::Plain("1"))]);
    let promoted = commits.add(200, &[begin], &[(P, Made::Plain("new"))]);
    let main = commits.add(400, &[line, promoted], &[(P, Made::Plain("new"))]);
    // Both parents of the merge on main, merged anew: from one of them, nothing has changed.
    let head = commits.add(500, &[line, promoted], &[(P, Made::Plain("old"))]);
    let root = Root::new(&mut commits, main, head);
    assert!(lines(&root.proposal()).contains(&format!("{P} new→old")));
}

#[test]
fn an_octopus_changes_what_all_of_its_arms_do() {
    let mut commits = Commits::default();
    let main = commits.add(100, &[], &[("z", Made::Plain("1"))]);
    let arms = ["a", "b", "c"].map(|name| commits.add(200, &[main], &[(name, Made::Plain("1"))]));
    let all = ["b", "c"].map(|name| (name, Made::Plain("1")));
    let head = commits.add(300, &arms, &all);
    let root = Root::new(&mut commits, main, head);
    let proposal = root.proposal();
    assert_eq!(lines(&proposal), ["a -→1", "b -→1", "c -→1"]);
    assert_eq!((proposal.commits.len(), proposal.contains_base), (4, true));
    assert_eq!(proposal.commits[3], root.id(head));
}

#[test]
fn what_is_no_plain_file_is_told_as_such_even_with_the_same_content() {
    let mut commits = Commits::default();
    let large = "x".repeat((1 << 20) + 1);
    let plain = ["exec", "link", "module", "same", "large"].map(|name| (name, Made::Plain("1")));
    let main = commits.add(100, &[], &plain);
    let head = commits.add(
        200,
        &[main],
        &[
            ("exec", Made::Executable("1")),
            ("link", Made::Symlink("1")),
            ("module", Made::Submodule),
            ("same", Made::Plain("1")),
            ("large", Made::Plain(&large)),
        ],
    );
    let proposal = Root::new(&mut commits, main, head).proposal();
    let expected =
        ["exec 1→Executable(1)", "large 1→?", "link 1→Symlink(1)", "module 1→Submodule()"];
    assert_eq!(lines(&proposal), expected);
    let after = |place: usize| proposal.files[place].after.as_ref().expect("a file");
    assert!((0..4).all(|place| after(place).plain().is_none()));
    assert_eq!(after(1).size, large.len() as u64);
}

#[test]
fn what_cannot_be_compared_is_told_apart() {
    let mut commits = Commits::default();
    let begin = commits.add(100, &[], &[("a", Made::Plain("1"))]);
    let main = commits.add(200, &[begin], &[("a", Made::Plain("2"))]);
    let head = commits.add(300, &[begin], &[("b", Made::Plain("1"))]);
    let other = commits.add(400, &[], &[("c", Made::Plain("1"))]);
    let root = Root::new(&mut commits, main, head);
    let failed = |repo: &Path, base: &str, head: &str| {
        let checkout = Checkout::around(repo).expect("a repository");
        checkout.proposal(base, head).expect_err("nothing to compare")
    };
    let unrelated = failed(&root.repo, "main", &Commits::name(other));
    assert!(matches!(unrelated, StoreError::Unrelated { .. }), "{unrelated}");
    for missing in ["none", "origin/main", "", "-x", &"1".repeat(40)] {
        let error = failed(&root.repo, missing, "head");
        assert!(matches!(error, StoreError::NoRevision { .. }), "{missing}: {error}");
    }

    let url = format!("file://{}", root.repo.display());
    let clone = |name: &str, more: &[&str]| {
        let to = root.folder.path().join(name);
        let path = to.to_str().expect("UTF-8");
        git(&root.repo, &[&["clone", "--quiet", "-b", "head"], more, &[&url, path]].concat());
        to
    };
    let cut = clone("cut", &["--depth", "1", "--no-single-branch"]);
    let error = failed(&cut, "origin/main", "HEAD");
    assert!(matches!(error, StoreError::CutHistory { .. }), "{error}");
    // Deep enough is as good as whole.
    for (name, more) in [("deep", &["--depth", "2", "--no-single-branch"][..]), ("whole", &[])] {
        let checkout = Checkout::around(&clone(name, more)).expect("a repository");
        let proposal = checkout.proposal("refs/remotes/origin/main", "HEAD").expect(name);
        assert_eq!(lines(&proposal), ["b -→1"], "{name}");
    }
}

#[test]
fn a_tag_cannot_pass_for_the_branch_that_is_compared_with() {
    let mut commits = Commits::default();
    let main = commits.add(100, &[], &[("a", Made::Plain("1"))]);
    let head = commits.add(200, &[main], &[("a", Made::Plain("2"))]);
    let root = Root::new(&mut commits, main, head);
    let full = root.id(main);
    git(&root.repo, &["tag", "main", "head"]);
    git(&root.repo, &["update-ref", &format!("refs/heads/{full}"), "head"]);
    let checkout = root.checkout();
    let error = checkout.proposal("main", "head").expect_err("two of that name");
    assert!(matches!(error, StoreError::NoRevision { .. }), "{error}");
    for base in ["refs/heads/main", &full] {
        let proposal = checkout.proposal(base, "refs/heads/head").expect(base);
        assert_eq!(lines(&proposal), ["a 1→2"], "{base}");
    }
}

#[test]
fn trees_that_programs_read_differently_are_refused() {
    let mut commits = Commits::default();
    let main = commits.add(100, &[], &[("a", Made::Plain("1")), ("b", Made::Plain("2"))]);
    let root = Root::new(&mut commits, main, main);
    let (one, two) = ("main:a", "main:b");
    let [one, two] = [one, two].map(|name| git(&root.repo, &["rev-parse", name]));
    let nothing = tree(&root.repo, &[]);
    for entries in [
        &[("100644", "a", one.as_str()), ("100644", "a", &two)][..],
        &[("100644", "a", &one), ("100644", "a-", &two), ("40000", "a", &nothing)],
        &[("100644", "b", &two), ("100644", "a", &one)],
        &[("100644", "..", &one)],
        &[("100644", "a/b", &one)],
        &[("100644", "", &one)],
        &[("100000", "c", &one)],
        &[("040000", "c", &nothing)],
        &[("100644", "c", &nothing)],
    ] {
        let tree = tree(&root.repo, entries);
        let head = git(&root.repo, &["commit-tree", "-p", "main", "-m", "x", &tree]);
        let error = root.checkout().proposal("main", &head).expect_err("malformed");
        assert!(matches!(error, StoreError::Malformed { .. }), "{entries:?}: {error}");
    }
    // A few trees that stand for more files than there is memory.
    let mut bomb = nothing;
    let names: Vec<String> = (10..90).map(|number| number.to_string()).collect();
    for level in 0..6 {
        let (mode, id) = if level == 0 { ("100644", one.clone()) } else { ("40000", bomb) };
        let entries: Vec<_> = names.iter().map(|name| (mode, name.as_str(), id.as_str())).collect();
        bomb = tree(&root.repo, &entries);
    }
    let head = git(&root.repo, &["commit-tree", "-p", "main", "-m", "x", &bomb]);
    let error = root.checkout().proposal("main", &head).expect_err("too many");
    assert!(matches!(error, StoreError::Malformed { .. }), "{error}");
}

#[test]
fn a_push_changes_what_it_makes_of_the_branch_forced_or_not() {
    let mut commits = Commits::default();
    let begin = commits.add(100, &[], &[("a", Made::Plain("1"))]);
    let main = commits.add(200, &[begin], &[("b", Made::Plain("1"))]);
    let head = commits.add(300, &[begin], &[("c", Made::Plain("1"))]);
    let root = Root::new(&mut commits, main, head);
    let checkout = root.checkout();
    let forced = checkout.update(Some(&root.id(main)), &root.id(head)).expect("an update");
    assert_eq!(lines(&forced), ["b 1→-", "c -→1"]);
    assert_eq!((forced.contains_base, forced.commits), (false, vec![root.id(head)]));
    let after = checkout.update(Some(&root.id(begin)), &root.id(head)).expect("an update");
    assert_eq!((lines(&after), after.contains_base), (vec!["c -→1".to_owned()], true));
    let new = checkout.update(None, &root.id(head)).expect("an update");
    assert_eq!((lines(&new), new.base), (vec!["a -→1".to_owned(), "c -→1".to_owned()], None));
}

mod hook;
