//! `check --pre-receive`: a push to a server of one's own, judged before it is taken.

use std::io::Read;
use std::path::Path;

use super::check_change::{Coming, Verdict, judge, services};
use super::check_report::CheckReport;
use super::check_tree;
use super::evidence::Inquiry;
use super::report::{Body, Outcome, Report};
use super::state::{State, config_of};
use super::{CommandError, Context, ErrorKind};
use crate::domain::change::By;
use crate::domain::name::BranchName;
use crate::domain::problem::Problem;
use crate::domain::registry::Root;
use crate::store::{Checkout, Location, WorkTree};

/// One line of what git tells the hook. <https://git-scm.com/docs/githooks#pre-receive>
struct Update {
    /// None where the branch is new.
    old: Option<String>,
    /// None where the branch goes.
    new: Option<String>,
    reference: String,
}

/// Judges what git's hook is told on stdin; what is wrong goes to stderr, which git shows to
/// whoever pushes.
pub fn run(context: &Context) -> Result<Report, CommandError> {
    let Some(hook) = &context.hook else {
        return Err(CommandError::new(ErrorKind::Usage, "`--pre-receive` is for git's hook")
            .hint("hooks/pre-receive: `#!/bin/sh` and `exec pinrail check --pre-receive`"));
    };
    let checkout = Checkout::in_hook(&hook.folder, &hook.objects)?;
    let location = Location::Path(hook.folder.clone());
    let before = before(&checkout)?;
    let mut all = Verdict::default();
    for update in updates()? {
        let Some(branch) = update.branch() else { continue };
        let verdict = match &before {
            Some(state) if state.config.branches().contains(&branch) => {
                let inquiry = Inquiry::new(context, &context.access, &location);
                of_update(context, &checkout, state, &inquiry, &update, &branch)?
            }
            Some(_) => continue,
            None => of_first(&checkout, &update, &branch)?,
        };
        all.extend(verdict);
    }
    let told = all.report.text();
    if !told.is_empty() {
        context.talk.say(told.trim_end());
    }
    match all.error() {
        Some(error) => Err(CommandError { body: None, ..error }),
        None => Ok(Report::new(Outcome::Ok, Body::Check(all.report))),
    }
}

impl Update {
    /// The branch that it is of, if it is of one.
    fn branch(&self) -> Option<BranchName> {
        self.reference.strip_prefix("refs/heads/")?.parse().ok()
    }
}

fn updates() -> Result<Vec<Update>, CommandError> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| {
        CommandError::new(ErrorKind::Local, format!("cannot read what was pushed: {error}"))
    })?;
    let update = |line: &str| {
        let id = |text: &str| (!text.bytes().all(|byte| byte == b'0')).then(|| text.to_owned());
        let mut parts = line.splitn(3, ' ');
        let (old, new, reference) = (parts.next()?, parts.next()?, parts.next()?.to_owned());
        Some(Update { old: id(old), new: id(new), reference })
    };
    let parsed = text.lines().map(|line| {
        update(line).ok_or_else(|| {
            let message = format!("`{line}` is not `<old> <new> <ref>`");
            CommandError::new(ErrorKind::Usage, message)
        })
    });
    parsed.collect()
}

/// The state before the push; none where there is no services-root yet.
fn before(checkout: &Checkout) -> Result<Option<State<'_>>, CommandError> {
    let usual = "main".parse().ok();
    for branch in checkout.branch().into_iter().chain(usual) {
        let Some(main) = checkout.snapshot(&branch)? else { continue };
        // One that cannot be read says nothing, and must not keep out the one that mends it.
        let Ok(Some(config)) = config_of(&main) else { continue };
        if config.main_branch() != branch {
            continue;
        }
        // The branch of pins begins as a copy of main.
        let pins = checkout.snapshot(&config.pins_branch())?.unwrap_or_else(|| main.clone());
        return Ok(Some(State { config, main, pins }));
    }
    Ok(None)
}

/// Judges one branch's push.
fn of_update(
    context: &Context,
    checkout: &Checkout,
    state: &State<'_>,
    inquiry: &Inquiry<'_>,
    update: &Update,
    branch: &BranchName,
) -> Result<Verdict, CommandError> {
    let Some(new) = &update.new else {
        return Ok(Verdict::refused(branch, "this branch is never removed"));
    };
    let proposal = checkout.update(update.old.as_deref(), new)?;
    if !proposal.contains_base {
        let what = "this branch only ever goes forward: its history says what ran when";
        return Ok(Verdict::refused(branch, what));
    }
    let head = checkout.commit(new)?;
    let services = services(&proposal).collect();
    let coming = Coming { proposal: &proposal, head: &head, branch, by: By::Push };
    judge(context, state, &inquiry.on(state, &services), &coming)
}

/// The first push of a services-root has nothing to be judged by but itself.
fn of_first(
    checkout: &Checkout,
    update: &Update,
    branch: &BranchName,
) -> Result<Verdict, CommandError> {
    let Some(new) = &update.new else { return Ok(Verdict::default()) };
    let main = checkout.commit(new)?;
    let Some(config) = config_of(&main)? else { return Ok(Verdict::default()) };
    if config.main_branch() != *branch {
        return Ok(Verdict::default());
    }
    let nothing = WorkTree::new(Path::new("/nonexistent"));
    let is_one = config.pins_branch() == *branch;
    let root = Root { config: &config, main: &main, pins: if is_one { &main } else { &nothing } };
    Ok(check_tree::judged(&root, &root)?.into())
}

impl Verdict {
    fn refused(branch: &BranchName, what: &str) -> Self {
        let problem = Problem::error("change", &branch.reference(), what);
        let report = CheckReport { problems: vec![problem], ..CheckReport::default() };
        Self { report, invalid: false, refused: true }
    }

    /// Takes over what came of another branch's push.
    fn extend(&mut self, other: Self) {
        self.invalid |= other.invalid;
        self.refused |= other.refused;
        self.report.problems.extend(other.report.problems);
        self.report.services = self.report.services.max(other.report.services);
        self.report.pins = self.report.pins.max(other.report.pins);
        if let Some(moves) = other.report.moves {
            self.report.moves.get_or_insert_default().extend(moves);
        }
    }
}
