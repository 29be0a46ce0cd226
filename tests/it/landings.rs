//! When versions landed, read from histories of every shape.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use pinrail::store::{Access, Landings, Location, Pace, Reading, Snapshot, StateRepo};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::git::{bare_repository, git};
use crate::support::made::{Commits, Made};

struct Root {
    _folder: TempDir,
    repo: PathBuf,
}

/// A repository with these commits, the last of which `main` is at.
fn root(commits: &mut Commits, last: usize) -> Root {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repo = folder.path().join("root.git");
    bare_repository(&repo);
    commits.branch("main", last);
    commits.write(&repo);
    Root { _folder: folder, repo }
}

fn read(repo: &Path, paths: &[&str], since: Option<i64>) -> Option<Landings> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    let since = since.map(|at| Timestamp::from_second(at).expect("a time"));
    at_tip(repo, |tip| tip.landings(&paths, since).expect("read"))
}

fn at_tip<T>(repo: &Path, read: impl FnOnce(&Snapshot<'_>) -> T) -> T {
    let location = Location::Path(repo.to_path_buf());
    let pace = Pace::until(Duration::from_secs(60));
    let mut state =
        StateRepo::open(&location, &Access::default(), pace, false).expect("a repository");
    let main = "main".parse().expect("a name");
    let tips = state.read(&Reading::whole(std::slice::from_ref(&main))).expect("read");
    let tip = tips.get(&main).expect("read").expect("the branch");
    read(&tip)
}

/// `content@time` of each version of `file`, with `-` where it was taken away.
fn versions(landings: &Landings, file: &str) -> Vec<String> {
    let text = |content: &Option<Vec<u8>>| match content {
        Some(content) => String::from_utf8_lossy(content).into_owned(),
        None => "-".to_owned(),
    };
    let versions = landings.get(file).map(Vec::as_slice).unwrap_or_default();
    let told = versions.iter().map(|one| format!("{}@{}", text(&one.content), one.at.as_second()));
    told.collect()
}

fn landed(root: &Root, since: Option<i64>) -> Vec<String> {
    versions(&read(&root.repo, &["a"], since).expect("a whole history"), "a")
}

/// Commits one after another, each at its time.
fn line(steps: &[(i64, Made<'_>)]) -> Root {
    let mut commits = Commits::default();
    let mut last = None;
    for (at, made) in steps {
        let parents: Vec<usize> = last.into_iter().collect();
        last = Some(commits.add(*at, &parents, &[("a", *made)]));
    }
    root(&mut commits, last.expect("a commit"))
}

#[test]
fn a_commit_that_is_dated_back_landed_when_the_latest_before_it_did() {
    let steps = [(100, "1"), (50, "2"), (300, "3"), (200, "4"), (301, "5")];
    let root = line(&steps.map(|(at, text)| (at, Made::Plain(text))));
    assert_eq!(landed(&root, None), ["1@100", "2@100", "3@300", "4@300", "5@301"]);
}

#[test]
fn a_commit_of_another_file_counts_for_the_time_as_well() {
    let mut commits = Commits::default();
    let first = commits.add(100, &[], &[("a", Made::Plain("1"))]);
    let second = commits.add(900, &[first], &[("b", Made::Plain("1"))]);
    let third = commits.add(200, &[second], &[("a", Made::Plain("2"))]);
    let root = root(&mut commits, third);
    assert_eq!(landed(&root, None), ["1@100", "2@900"]);
    let all = read(&root.repo, &["a", "b", "none"], None).expect("a whole history");
    assert_eq!((versions(&all, "b"), all.contains_key("none")), (vec!["1@900".to_owned()], false));
}

#[test]
fn a_time_far_in_the_future_is_told_as_it_is_and_holds_for_all_after_it() {
    let far = 32_503_680_000; // The year 3000.
    let root = line(&[(100, Made::Plain("1")), (far, Made::Plain("2")), (200, Made::Plain("3"))]);
    assert_eq!(landed(&root, None), ["1@100", "2@32503680000", "3@32503680000"]);
}

#[test]
fn a_merge_lands_when_it_is_made_and_its_side_is_not_on_the_line() {
    let mut commits = Commits::default();
    let first = commits.add(100, &[], &[("a", Made::Plain("1"))]);
    let side = commits.add(500, &[first], &[("a", Made::Plain("2"))]);
    let side = commits.add(600, &[side], &[("a", Made::Plain("3"))]);
    let line = commits.add(150, &[first], &[("b", Made::Plain("1"))]);
    let merge = commits.add(200, &[line, side], &[("a", Made::Plain("3"))]);
    assert_eq!(landed(&root(&mut commits, merge), None), ["1@100", "3@200"]);
}

#[test]
fn a_file_that_was_taken_away_and_brought_back_landed_again() {
    let root = line(&[
        (100, Made::Plain("1")),
        (200, Made::Removed),
        (300, Made::Plain("1")),
        (400, Made::Removed),
    ]);
    assert_eq!(landed(&root, None), ["1@100", "-@200", "1@300", "-@400"]);
    assert_eq!(landed(&root, Some(250)), ["1@300", "-@400"]);
    assert_eq!(landed(&root, Some(300)), ["1@300", "-@400"]);
    assert_eq!(landed(&root, Some(500)), Vec::<String>::new());
}

#[test]
fn a_link_is_a_version_and_another_repository_is_none() {
    let root = line(&[
        (100, Made::Plain("1")),
        (200, Made::Symlink("b")),
        (300, Made::Submodule),
        (400, Made::Plain("2")),
    ]);
    assert_eq!(landed(&root, None), ["1@100", "b@200", "-@300", "2@400"]);
}

#[test]
fn a_history_that_is_cut_tells_nothing() {
    let root = line(&[(100, Made::Plain("1")), (200, Made::Plain("2")), (300, Made::Plain("3"))]);
    let url = format!("file://{}", root.repo.display());
    for depth in ["1", "2"] {
        let cut = root.repo.with_file_name(format!("cut-{depth}.git"));
        let to = cut.to_str().expect("UTF-8");
        git(&root.repo, &["clone", "--quiet", "--bare", "--depth", depth, &url, to]);
        assert_eq!(read(&cut, &["a"], None), None, "{depth}");
        assert_eq!(read(&cut, &["a"], Some(400)), None, "{depth}");
    }
}

/// A step of a random history: its time, and what becomes of which file.
type Step = (i64, usize, Option<u8>);

const FILES: [&str; 3] = ["a", "d/b", "d/e/c"];

/// What a plain reading of the steps says.
fn expected(steps: &[Step], file: usize) -> Vec<(Option<u8>, i64)> {
    let (mut latest, mut versions) = (i64::MIN, Vec::<(Option<u8>, i64)>::new());
    for (at, changed, content) in steps {
        latest = latest.max(*at);
        let before = versions.last().and_then(|(content, _)| *content);
        if *changed == file && before != *content {
            versions.push((*content, latest));
        }
    }
    versions
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A part of the whole is its end, with the version that was there at the time.
    #[test]
    fn every_part_of_a_history_agrees_with_the_whole(
        steps in prop::collection::vec(
            (1_000i64..1_050, 0usize..3, prop::option::weighted(0.8, 0u8..4)), 1..40),
        since in 990i64..1_060,
    ) {
        let mut commits = Commits::default();
        let mut last = None;
        for (at, file, content) in &steps {
            let text = content.map(|content| content.to_string());
            let made = text.as_deref().map_or(Made::Removed, Made::Plain);
            let parents: Vec<usize> = last.into_iter().collect();
            last = Some(commits.add(*at, &parents, &[(FILES[*file], made)]));
        }
        let root = root(&mut commits, last.expect("a commit"));
        let whole = read(&root.repo, &FILES, None).expect("a whole history");
        let part = read(&root.repo, &FILES, Some(since)).expect("a whole history");
        let paths = FILES.map(str::to_owned);
        for (file, path) in FILES.iter().enumerate() {
            let all = expected(&steps, file);
            let text = |content: &Option<u8>| content.map_or("-".to_owned(), |one| one.to_string());
            let told: Vec<_> = all.iter().map(|(what, at)| format!("{}@{at}", text(what))).collect();
            prop_assert_eq!(&versions(&whole, path), &told);

            let known = part.get(*path).map(Vec::as_slice).unwrap_or_default();
            let before = all.iter().rev().find(|(_, at)| *at <= since);
            let before = before.and_then(|(content, at)| content.map(|content| (content, *at)));
            let new = all.iter().filter(|(_, at)| *at > since).count();
            prop_assert_eq!(known.len(), new + usize::from(before.is_some()));
            // What halving finds are versions of the whole, in their order, and the last of them.
            let until = Timestamp::from_second(since).expect("a time");
            let past = at_tip(&root.repo, |tip| tip.past(&paths, until).expect("read"));
            let past = past.expect("a whole history").remove(*path).unwrap_or_default();
            let mut older = whole.get(*path).map(Vec::as_slice).unwrap_or_default().iter();
            prop_assert!(past.iter().all(|version| older.any(|known| known == version)), "{:?}", past);
            let last = past.last().and_then(|version| version.content.as_deref());
            let then = before.map(|(content, _)| content.to_string());
            prop_assert_eq!(last, then.as_deref().map(str::as_bytes));
            let end = &whole.get(*path).map(Vec::as_slice).unwrap_or_default();
            prop_assert_eq!(&known[known.len() - new..], &end[end.len() - new..]);
            if let Some((content, at)) = before {
                let content = content.to_string().into_bytes();
                prop_assert_eq!(known[0].content.as_ref(), Some(&content));
                let told = known[0].at.as_second();
                prop_assert!(at <= told && told <= since, "{} {} {}", at, told, since);
            }
        }
    }
}
