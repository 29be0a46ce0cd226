//! The judge of a change: by what its files say, on facts at the tip of the branch that it is to
//! come to.

use std::collections::BTreeSet;

use super::check_report::{CheckReport, CheckedMove, MoveOutcome};
use super::check_tree::{self, Found};
use super::evidence::Sight;
use super::judging::{Judged, judged_under};
use super::move_report::PinMove;
use super::report::{Body, counted};
use super::state::{State, config_of};
use super::{CommandError, Context, ErrorKind, signed};
use crate::domain::cause::Cause;
use crate::domain::change::{
    By, Change, Content, Fault, Finding, Kind, OfServices, PinChange, Touched,
};
use crate::domain::config::Config;
use crate::domain::layout::{self, Place};
use crate::domain::name::{BranchName, DomainName, EnvironmentName, ServiceName};
use crate::domain::problem::{Problem, Severity};
use crate::domain::registry::Root;
use crate::domain::tree::Files;
use crate::store::{FileKind, FileState, Proposal, ProposedFile, Snapshot};

/// What is to come, and to which branch.
pub struct Coming<'a, 'r> {
    pub proposal: &'a Proposal,
    /// Its newest commit, in the repository that has it.
    pub head: &'a Snapshot<'r>,
    pub branch: &'a BranchName,
    pub by: By,
}

/// The services whose pins a change has: those whose histories are read at once.
pub fn services(proposal: &Proposal) -> impl Iterator<Item = (ServiceName, DomainName)> {
    places(proposal).filter_map(|place| match place {
        Place::Pin { service, domain, .. } => Some((service, domain)),
        _ => None,
    })
}

/// The environments whose pins a change has.
pub fn environments(proposal: &Proposal) -> BTreeSet<EnvironmentName> {
    let environment = |place| match place {
        Place::Pin { environment, .. } => Some(environment),
        _ => None,
    };
    places(proposal).filter_map(environment).collect()
}

fn places(proposal: &Proposal) -> impl Iterator<Item = Place> {
    proposal.files.iter().filter_map(|file| layout::place(&file.path))
}

/// What came of a change.
#[derive(Default)]
pub struct Verdict {
    pub report: CheckReport,
    /// Whether something that it brings is not valid.
    pub invalid: bool,
    /// Whether something may not come in so.
    pub refused: bool,
}

/// Judges a change on one state.
///
/// # Errors
/// A state that cannot be read; what keeps the change from coming in is no error here.
pub fn judge(
    context: &Context,
    state: &State<'_>,
    sight: &Sight<'_, '_>,
    coming: &Coming<'_, '_>,
) -> Result<Verdict, CommandError> {
    let Coming { proposal, head, branch, by } = *coming;
    let files: Vec<Touched> = proposal.files.iter().map(touched).collect();
    let edits = proposal.edits();
    let tip = state.root();
    let here = state.tip(branch);
    let edited = edits.over(here);
    let on_main = *branch == state.config.main_branch();
    let on_pins = *branch == state.config.pins_branch();
    let main: &dyn Files = if on_main { &edited } else { &state.main };
    let pins: &dyn Files = if on_pins { &edited } else { &state.pins };
    let mut verdict = Verdict::default();
    let brought = verdict.configuration(main)?;
    let config = brought.as_ref().unwrap_or(&state.config);
    let after = Root { config, main, pins };
    let commit = here.id();
    let change = Change::new((tip, after), (branch, &commit), by, &files)?;
    let touched_pins = change.pins()?;
    let back = verdict.pins(context, state, sight, &change, &touched_pins)?;
    let goes_back = |pin: &PinChange| back.contains(&pin.path);
    verdict.add(change.findings(&touched_pins, goes_back)?);
    if brought.is_some() {
        let alone = change.services_alone(&touched_pins);
        verdict.tree(&tip, &after, alone.as_ref())?;
    }
    let commits = &proposal.commits;
    for problem in signed::commits(&state.main, head, commits, "the change", context.until())? {
        verdict.invalid(problem);
    }
    Ok(verdict)
}

impl Verdict {
    /// The configuration that the change brings; none where it cannot be read.
    fn configuration(&mut self, main: &dyn Files) -> Result<Option<Config>, CommandError> {
        match config_of(main) {
            Ok(Some(config)) => Ok(Some(config)),
            Ok(None) => {
                let what = "it is taken away, and says what all else means";
                self.invalid(Problem::error("config", layout::CONFIG, what));
                Ok(None)
            }
            Err(error) if error.kind == ErrorKind::Invalid => {
                let bytes = main.read(layout::CONFIG)?.unwrap_or_default();
                if let Err(error) = Config::parse(&bytes) {
                    self.invalid(Problem::config(error));
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Judges each pin; gives the files of those that go back.
    fn pins(
        &mut self,
        context: &Context,
        state: &State<'_>,
        sight: &Sight<'_, '_>,
        change: &Change<'_>,
        pins: &[PinChange],
    ) -> Result<BTreeSet<String>, CommandError> {
        let root = state.root();
        let judge = sight.judge(&root);
        let carried = change.overrides();
        let mut back = BTreeSet::new();
        for pin in pins {
            let (outcome, cause, gates) = match (&pin.kind, &pin.to) {
                (Kind::Removed, _) => (MoveOutcome::Removed, None, Vec::new()),
                (Kind::Unchanged, _) => (MoveOutcome::Unchanged, None, Vec::new()),
                (Kind::Moved, Some(to)) => {
                    let step = PinMove {
                        service: pin.service.clone(),
                        domain: pin.domain.clone(),
                        environment: pin.environment.clone(),
                        from: pin.from.clone(),
                        to: to.clone(),
                    };
                    // Where main and pins are one branch, a way back brings its lock along.
                    let locks = change.after.pins;
                    let judged = judged_under(context, state, &judge, &step, &carried, locks)?;
                    let cause = judged.cause().cloned();
                    let outcome = match (&judged, &cause) {
                        (Judged::Back, _) => MoveOutcome::Rollback,
                        (_, Some(_)) => MoveOutcome::Refused,
                        (_, None) => MoveOutcome::Allowed,
                    };
                    (outcome, cause, judged.judgements())
                }
                (Kind::Broken(cause), _) => (MoveOutcome::Refused, Some(cause.clone()), Vec::new()),
                (Kind::Moved, None) => {
                    let problem = format!("{}: no pin", pin.path);
                    (MoveOutcome::Refused, Some(Cause::InvalidPin { problem }), Vec::new())
                }
            };
            if outcome == MoveOutcome::Rollback {
                back.insert(pin.path.clone());
            }
            match &cause {
                Some(cause) if cause.is_invalid() => self.invalid = true,
                Some(_) => self.refused = true,
                None => {}
            }
            self.report.moves.get_or_insert_default().push(CheckedMove {
                service: pin.service.clone(),
                environment: pin.environment.clone(),
                from: pin.from.clone(),
                to: pin.to.clone(),
                outcome,
                cause,
                gates,
                place: (pin.path.clone(), pin.line),
            });
        }
        self.report.moves.get_or_insert_default();
        Ok(back)
    }

    /// All that is wrong with the tree, and was not before; of these services, where nothing
    /// else changes.
    fn tree(
        &mut self,
        tip: &Root<'_>,
        after: &Root<'_>,
        alone: Option<&BTreeSet<ServiceName>>,
    ) -> Result<(), CommandError> {
        let Found { problems, services, pins, .. } = found(after, alone)?;
        (self.report.services, self.report.pins) = (services, pins);
        if problems.is_empty() {
            return Ok(());
        }
        let known = found(tip, alone)?.problems;
        for problem in problems {
            if known.contains(&problem) || self.report.problems.contains(&problem) {
                continue;
            }
            self.invalid |= problem.severity == Severity::Error;
            self.report.problems.push(problem);
        }
        Ok(())
    }

    fn invalid(&mut self, problem: Problem) {
        self.invalid = true;
        self.report.problems.push(problem);
    }

    /// Takes over what was found of the files.
    pub fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for Finding { problem, fault } in findings {
            match fault {
                Fault::Invalid => self.invalid = true,
                Fault::Refused => self.refused = true,
            }
            self.report.problems.push(problem);
        }
    }

    /// The first thing that keeps the change from coming in, in a sentence: a pin that may not
    /// go, or a problem.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let mut held = self.report.moves.iter().flatten().filter_map(CheckedMove::refusal);
        let mut errors = self.errors();
        held.next().or_else(|| errors.next().map(|it| format!("{}: {}", it.path, it.message)))
    }

    fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.report.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// What keeps the change from coming in, if anything does.
    #[must_use]
    pub fn error(&self) -> Option<CommandError> {
        let kind = match (self.invalid, self.refused) {
            (true, _) => ErrorKind::Invalid,
            (false, true) => ErrorKind::Refused,
            (false, false) => return None,
        };
        let problems = self.errors().count();
        let held = self.report.moves.iter().flatten();
        let held = held.filter(|step| step.outcome == MoveOutcome::Refused).count();
        let mut counts = Vec::new();
        if problems > 0 {
            counts.push(counted(problems, "problem"));
        }
        if held > 0 {
            counts.push(format!("{} that may not go", counted(held, "pin")));
        }
        let mut message = counts.join(", ");
        if self.report.moves.is_some() {
            message = format!("the change may not come in: {message}");
        }
        Some(CommandError::new(kind, message).with(Body::Check(self.report.clone())))
    }
}

/// What the rules say of a tree, or of some services in it.
fn found(root: &Root<'_>, alone: Option<&BTreeSet<ServiceName>>) -> Result<Found, CommandError> {
    let Some(services) = alone else { return check_tree::judged(root, root) };
    let (main, pins) =
        (OfServices { files: root.main, services }, OfServices { files: root.pins, services });
    let root = Root { main: &main, pins: &pins, ..*root };
    check_tree::judged(&root, &root)
}

/// A file of a change, in the words of those who judge it.
fn touched(file: &ProposedFile) -> Touched {
    let content = |state: &FileState| match (state.plain(), state.kind) {
        (Some(bytes), _) => Content::File(bytes.to_vec()),
        (None, FileKind::Plain) => Content::Odd("larger than 1 MiB"),
        (None, FileKind::Executable) => Content::Odd("an executable file"),
        (None, FileKind::Symlink) => Content::Odd("a symbolic link"),
        (None, FileKind::Submodule) => Content::Odd("a submodule"),
    };
    Touched {
        path: file.path.clone(),
        before: file.before.as_ref().map(content),
        after: file.after.as_ref().map(content),
    }
}
