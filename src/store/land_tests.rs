//! Property tests of landing a change, over schedules of other writers and faults.
//!
//! The invariants, for every schedule:
//! - an acknowledged change is on the branch exactly once, and changes only its own path;
//! - a change that is reported as not written is not on the branch, unless the error says
//!   that nobody can know: a push without an answer may arrive late;
//! - what others have landed is never lost;
//! - it ends, within the deadline and its stretch, after a bounded number of tries.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use proptest::prelude::*;

use super::super::commit::{Edits, Message};
use super::*;
use crate::domain::tree::Files;

/// What happens around one push.
#[derive(Clone, Debug)]
enum Turn {
    Accepted,
    /// Others land first; the client sees it before it sends.
    Stale(u8),
    /// Others land first; the server sees it when it compares.
    LostOnServer(u8),
    /// It lands, others perhaps on top of it, and the answer is lost.
    AnswerLost {
        on_top: u8,
        timeout: bool,
    },
    /// It never arrives.
    Broken,
    /// It arrives after the client has given up on it and looked.
    Late,
    Refused,
    /// A refusal that has nothing to do with the others, who land all the same.
    RefusedWhileOthersLand(u8),
    /// The server knows us and will not let us.
    Forbidden,
    BranchDeleted,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => Just(Turn::Accepted),
        3 => (1u8..4).prop_map(Turn::Stale),
        3 => (1u8..4).prop_map(Turn::LostOnServer),
        3 => (0u8..3, any::<bool>()).prop_map(|(on_top, timeout)| Turn::AnswerLost { on_top, timeout }),
        2 => Just(Turn::Broken),
        3 => Just(Turn::Late),
        2 => Just(Turn::Refused),
        2 => (1u8..3).prop_map(Turn::RefusedWhileOthersLand),
        1 => Just(Turn::Forbidden),
        1 => Just(Turn::BranchDeleted),
    ]
}

/// A server in memory, as far as a schedule goes; after it, everything goes well.
struct Scripted {
    folder: tempfile::TempDir,
    repository: Repository,
    turns: std::vec::IntoIter<Turn>,
    /// Readings that fail, before each one that goes well.
    deaf: std::vec::IntoIter<u8>,
    failing: u8,
    late: Option<(Oid, Oid)>,
    clock: Rc<Cell<Duration>>,
    others: Vec<Oid>,
    pushes: u32,
}

const BRANCH: &str = "refs/heads/main";

impl Scripted {
    fn new(turns: Vec<Turn>, deaf: Vec<u8>, clock: Rc<Cell<Duration>>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let repository = Repository::init_bare(folder.path()).expect("a repository");
        let mut server = Self {
            folder,
            repository,
            turns: turns.into_iter(),
            deaf: deaf.into_iter(),
            failing: 0,
            late: None,
            clock,
            others: Vec::new(),
            pushes: 0,
        };
        server.others_land(1);
        server
    }

    fn tip(&self) -> Option<Oid> {
        self.repository.refname_to_id(BRANCH).ok()
    }

    fn others_land(&mut self, count: u8) {
        for _ in 0..count {
            let parent = self.tip().map(|tip| self.repository.find_commit(tip).expect("the tip"));
            let number = self.others.len();
            let blob = self.repository.blob(number.to_string().as_bytes()).expect("a blob");
            let base = if let Some(parent) = &parent {
                parent.tree().expect("a tree")
            } else {
                let empty =
                    self.repository.treebuilder(None).expect("a tree").write().expect("a tree");
                self.repository.find_tree(empty).expect("a tree")
            };
            let mut builder = git2::build::TreeUpdateBuilder::new();
            builder.upsert(format!("others/{number}"), blob, git2::FileMode::Blob);
            let tree = builder.create_updated(&self.repository, &base).expect("a tree");
            let tree = self.repository.find_tree(tree).expect("a tree");
            let who = git2::Signature::now("other", "other@example.com").expect("a signature");
            let parents: Vec<_> = parent.iter().collect();
            let landed = self.repository.commit(Some(BRANCH), &who, &who, "other", &tree, &parents);
            self.others.push(landed.expect("a commit"));
        }
    }

    /// What a server does: compares, and moves the branch or not.
    fn swap(&self, from: Oid, to: Oid) -> bool {
        self.tip() == Some(from)
            && self.repository.reference_matching(BRANCH, to, true, from, "push").is_ok()
    }

    fn pass(&self) {
        self.clock.set(self.clock.get() + Duration::from_millis(50));
    }

    /// The commits on the branch, newest first.
    fn history(&self) -> Vec<Oid> {
        let mut walk = self.repository.revwalk().expect("a walk");
        if let Some(tip) = self.tip() {
            walk.push(tip).expect("the tip");
        }
        walk.map(|oid| oid.expect("a commit")).collect()
    }
}

impl Transport for Scripted {
    fn fetch(
        &mut self,
        branches: &[BranchName],
        _: History,
        _: Instant,
    ) -> Result<Fetched, TransportError> {
        self.pass();
        if self.failing == 0 {
            self.failing = self.deaf.next().unwrap_or(0) + 1;
        }
        self.failing -= 1;
        if self.failing > 0 {
            return Err(TransportError::Unreachable("cut".to_owned()));
        }
        let tips = branches.iter().cloned().zip(self.tip()).collect();
        let names = self.tip().and_then(|_| "main".parse().ok()).into_iter().collect();
        let fetched = Fetched { tips, head: None, names };
        if let Some((from, to)) = self.late.take() {
            self.swap(from, to);
        }
        Ok(fetched)
    }

    fn push(&mut self, update: &Update<'_>, _: Instant) -> Result<(), TransportError> {
        self.pass();
        self.pushes += 1;
        let (Some(from), Some(to)) = (update.from, update.to) else {
            panic!("a commit on a branch")
        };
        let refusal = || Err(TransportError::Refused("no".to_owned()));
        match self.turns.next().unwrap_or(Turn::Accepted) {
            Turn::Accepted if self.swap(from, to) => Ok(()),
            Turn::Stale(count) => {
                self.others_land(count);
                Err(TransportError::Stale)
            }
            Turn::LostOnServer(count) | Turn::RefusedWhileOthersLand(count) => {
                self.others_land(count);
                refusal()
            }
            Turn::AnswerLost { on_top, timeout } => {
                self.swap(from, to);
                self.others_land(on_top);
                let words = "cut".to_owned();
                Err(if timeout {
                    TransportError::Timeout(words)
                } else {
                    TransportError::Unreachable(words)
                })
            }
            Turn::Broken => Err(TransportError::Unreachable("cut".to_owned())),
            Turn::Late => {
                self.late = Some((from, to));
                Err(TransportError::Unreachable("cut".to_owned()))
            }
            Turn::Accepted | Turn::Refused => refusal(),
            Turn::Forbidden => Err(TransportError::Forbidden("no".to_owned())),
            Turn::BranchDeleted => {
                if let Ok(mut branch) = self.repository.find_reference(BRANCH) {
                    branch.delete().expect("deleted");
                }
                refusal()
            }
        }
    }

    fn objects(&self) -> &Repository {
        &self.repository
    }
}

/// A pace whose time passes only when it is told to.
fn pace(clock: &Rc<Cell<Duration>>) -> Pace {
    let start = Instant::now();
    let (read, wait) = (Rc::clone(clock), Rc::clone(clock));
    Pace {
        started: start,
        deadline: start + Duration::from_secs(120),
        now: Box::new(move || start + read.get()),
        sleep: Box::new(move |time| wait.set(wait.get() + time)),
    }
}

type Landed = Result<Committed<()>, Failure<()>>;

/// Lands one file through a schedule.
fn land(turns: Vec<Turn>, deaf: Vec<u8>) -> (Landed, Scripted, Duration) {
    let clock = Rc::new(Cell::new(Duration::ZERO));
    let mut server = Scripted::new(turns, deaf, Rc::clone(&clock));
    let target: BranchName = "main".parse().expect("a branch");
    let author = Author { name: "us".to_owned(), email: "us@example.com".to_owned(), signer: None };
    let location = Location::Path(server.folder.path().to_path_buf());
    let mut pace = pace(&clock);
    let reading = Reading::tips(std::slice::from_ref(&target));
    let landed = Landing {
        transport: &mut server,
        location: &location,
        pace: &mut pace,
        meter: &Meter::default(),
        reading: &reading,
        commits: None,
        signed_only: false,
        author: &author,
    }
    .run(
        |tips| {
            let tip = tips.get(&target).expect("readable").ok_or(())?;
            let mut edits = Edits::default();
            edits.write("ours", b"content".to_vec());
            let message =
                Message { subject: "ours".to_owned(), body: Vec::new(), trailers: Vec::new() };
            Ok(Planned { value: (), write: Some(Write::on(&target, &tip, edits, message)) })
        },
        None,
        false,
    );
    let took = clock.get();
    (landed, server, took)
}

/// The commits on the branch that are ours.
fn ours(server: &Scripted) -> Vec<Oid> {
    let is_ours = |oid: &Oid| {
        let commit = server.repository.find_commit(*oid).expect("a commit");
        commit.author().name_bytes() == b"us"
    };
    server.history().into_iter().filter(is_ours).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_doubled_or_made_up(
        turns in prop::collection::vec(turn(), 0..14),
        deaf in prop::collection::vec(0u8..6, 0..8),
    ) {
        let deleted = turns.iter().any(|turn| matches!(turn, Turn::BranchDeleted));
        let (landed, server, took) = land(turns, deaf);
        let ours = ours(&server);
        match &landed {
            Ok(committed) => {
                let commit = committed.commit.as_deref().and_then(|commit| commit.parse::<Oid>().ok());
                prop_assert_eq!(ours.first().copied(), commit);
                prop_assert_eq!(ours.len(), 1);
                let snapshot = Snapshot::new(&server.repository, ours[0]).expect("a snapshot");
                prop_assert_eq!(snapshot.read("ours").expect("read"), Some(b"content".to_vec()));
                let parent = server.repository.find_commit(ours[0]).expect("a commit").parent_id(0).expect("a parent");
                let before = Snapshot::new(&server.repository, parent).expect("a snapshot");
                prop_assert_eq!(before.list("others").expect("list"), snapshot.list("others").expect("list"));
            }
            Err(Failure::Store(StoreError::Unknown { .. } | StoreError::Timeout { .. })) => prop_assert!(ours.len() <= 1),
            Err(Failure::Store(_)) => prop_assert!(ours.is_empty(), "{:?} but {:?}", landed, ours),
            Err(Failure::Plan(())) => prop_assert!(deleted, "only a missing branch is refused"),
        }
        if !deleted {
            let history = server.history();
            prop_assert!(server.others.iter().all(|other| history.contains(other)));
        }
        prop_assert!(took <= Duration::from_secs(120) + LAST_LOOK * 2, "{:?}", took);
        prop_assert!(server.pushes <= 14 + 2 * TRIES_WHEN_STILL);
    }
}

#[test]
fn a_server_that_refuses_while_others_push_is_given_up_on_and_both_facts_are_told() {
    let (landed, server, _) = land(vec![Turn::RefusedWhileOthersLand(1); 100], Vec::new());
    let Err(Failure::Store(error)) = landed else { panic!("must fail") };
    assert!(matches!(error, StoreError::RefusedWhileMoving { .. }), "{error}");
    assert_eq!(server.pushes, REFUSALS_WHEN_MOVING);
    let text = error.to_string();
    assert!(text.contains("refused") && text.contains("others moved"), "{text}");
}

#[test]
fn races_go_on_until_the_deadline_and_not_until_a_count() {
    let (landed, server, took) = land(vec![Turn::Stale(1); 100_000], Vec::new());
    let Err(Failure::Store(error)) = landed else { panic!("must fail") };
    assert!(matches!(error, StoreError::Contention { .. }), "{error}");
    assert!(server.pushes > 100, "{}", server.pushes);
    // The last try is left out that could not end in time.
    assert!(took >= Duration::from_secs(115), "{took:?}");
}

#[test]
fn a_refusal_is_tried_a_few_times_and_a_missing_right_once() {
    let (_, server, _) = land(vec![Turn::Refused; 10], Vec::new());
    assert_eq!(server.pushes, TRIES_WHEN_STILL);
    let (landed, server, _) = land(vec![Turn::Forbidden; 10], Vec::new());
    assert_eq!(server.pushes, 1);
    assert!(matches!(landed, Err(Failure::Store(StoreError::Refused { .. }))));
}

#[test]
fn a_lock_that_goes_away_is_waited_for() {
    let (landed, server, _) = land(vec![Turn::Refused, Turn::Refused], Vec::new());
    assert_eq!(landed.expect("landed").attempts, 3);
    assert_eq!(ours(&server).len(), 1);
}

#[test]
fn a_deleted_branch_is_not_made_again() {
    let (landed, server, _) = land(vec![Turn::BranchDeleted], Vec::new());
    assert!(matches!(landed, Err(Failure::Plan(()))));
    assert_eq!(server.tip(), None);
}
