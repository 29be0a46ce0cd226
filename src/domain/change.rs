//! What a change may hold: the files that it touches, judged by the rules of the branch that it
//! is to come to, and never by those that it brings.

mod amount;
mod files;
mod narrow;
mod pins;
mod platform;
#[cfg(test)]
mod tests;
mod together;

pub use files::{Content, Touched};
pub use narrow::OfServices;
pub use pins::{Kind, PinChange};

use std::collections::BTreeMap;

use super::gate::Override;
use super::layout;
use super::name::BranchName;
use super::problem::Problem;
use super::registry::Root;
use super::tree::{Files, ReadError};

/// How a change comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By a pull or merge request.
    Request,
    /// By a push to the branch itself, as `pin`, `lock` and `unlock` write.
    Push,
}

/// A change, and the states that it lies between.
pub struct Change<'a> {
    /// The newest state, whose rules count.
    pub tip: Root<'a>,
    /// The same with the change upon it; where its configuration cannot be read, with that of
    /// the tip.
    pub after: Root<'a>,
    /// The branch that it is to come to.
    pub branch: &'a BranchName,
    /// The commit that this branch is at.
    pub commit: &'a str,
    pub by: By,
    /// The files that are not yet what the change makes of them.
    files: Vec<&'a Touched>,
}

/// Something that keeps a change from coming in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub problem: Problem,
    pub fault: Fault,
}

/// Of which kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What is written is not valid.
    Invalid,
    /// It is well-formed, and may not come in so.
    Refused,
}

impl Finding {
    fn invalid(problem: Problem) -> Self {
        Self { problem, fault: Fault::Invalid }
    }

    fn refused(path: &str, message: impl std::fmt::Display, hint: impl Into<String>) -> Self {
        let problem = Problem::error("change", path, message).hint(hint);
        Self { problem, fault: Fault::Refused }
    }
}

impl<'a> Change<'a> {
    /// A change of these files; those that others have changed alike meanwhile are no part of it.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn new(
        (tip, after): (Root<'a>, Root<'a>),
        (branch, commit): (&'a BranchName, &'a str),
        by: By,
        touched: &'a [Touched],
    ) -> Result<Self, ReadError> {
        let mut change = Self { tip, after, branch, commit, by, files: Vec::new() };
        for file in touched {
            let there = change.here().read(&file.path)?;
            let is_so = match (&file.before, &file.after) {
                (_, None) => there.is_none(),
                (Some(Content::Odd(_)), _) | (_, Some(Content::Odd(_))) => false,
                (_, Some(Content::File(bytes))) => there.as_ref() == Some(bytes),
            };
            if !is_so {
                change.files.push(file);
            }
        }
        Ok(change)
    }

    /// Everything about its files that keeps it from coming in, beside what the gates say of
    /// each pin. `goes_back` tells which pins go back under a lock.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn findings(
        &self,
        pins: &[PinChange],
        goes_back: impl Fn(&PinChange) -> bool,
    ) -> Result<Vec<Finding>, ReadError> {
        let mut findings = files::findings(self)?;
        findings.extend(together::environments(self, pins));
        findings.extend(together::rules(self, pins));
        findings.extend(together::locks(self, pins, goes_back));
        findings.extend(together::overrides(self, pins));
        findings.extend(amount::findings(self, pins)?);
        findings.extend(platform::findings(self)?);
        Ok(findings)
    }

    /// What lets the versions of this change past gates, by path: only what it writes itself.
    #[must_use]
    pub fn overrides(&self) -> BTreeMap<String, Override> {
        let told = |file: &&Touched| {
            let Some(layout::Place::Override { .. }) = layout::place(&file.path) else {
                return None;
            };
            Some((file.path.clone(), Override::parse(file.plain()?).ok()?))
        };
        self.files.iter().filter_map(told).collect()
    }

    /// The files of the branch that it is to come to, as they are now.
    fn here(&self) -> &'a dyn Files {
        let is_main = *self.branch == self.tip.config.main_branch();
        if is_main { self.tip.main } else { self.tip.pins }
    }

    /// Whether the locks are on the branch that it is to come to.
    fn has_locks(&self) -> bool {
        self.tip.config.pins_branch() == *self.branch
    }
}
