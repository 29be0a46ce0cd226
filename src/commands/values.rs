//! `values check`: a developer's values, judged before Helm sees them.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::report::{Body, Outcome, Page, Report, ValuesReport, counted};
use super::{CommandError, Context, ErrorKind};
use crate::domain::problem::listed;
use crate::domain::tree::Files;
use crate::domain::values::{self, Judged, VALUES};
use crate::store::WorkTree;

/// What a service's helm folder says.
#[derive(Subcommand, Debug)]
pub enum ValuesCommand {
    Check(ValuesCheckArgs),
}

/// Find everything that is wrong in a service's values, by file, line and key.
///
/// A folder is the service's chart: Chart.yaml, values.yaml and values-<environment>.yaml,
/// judged each and together. A file is judged alone.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail values check helm               # in a service's repository, and in its pipeline
  pinrail values check helm/values.yaml

Exit codes: 0 in order · 1 not there · 4 something is wrong")]
pub struct ValuesCheckArgs {
    /// The folder of a service's chart, or one file of values
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
}

impl ValuesCommand {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Check(_) => "values check",
        }
    }

    /// Runs the command.
    ///
    /// # Errors
    /// Values that are not valid, or that cannot be read.
    pub fn run(self, _: &Context) -> Result<Report, CommandError> {
        let Self::Check(args) = self;
        let Judged { problems, files } = judged(&args.path)?;
        let (wrong, looked_at) = (problems.len(), files.len());
        let body = Body::Values(ValuesReport { problems, files });
        if wrong > 0 {
            let error = CommandError::new(ErrorKind::Invalid, counted(wrong, "problem"));
            return Err(error.with(body));
        }
        let said = format!("In order: {}", counted(looked_at, "file"));
        Ok(Report::new(Outcome::Ok, body).text(text).say(said))
    }
}

fn judged(path: &Path) -> Result<Judged, CommandError> {
    let shown = path.display().to_string();
    // Paths are told as they were given.
    let files = WorkTree::new(Path::new(""));
    if path.is_dir() {
        if files.read(&format!("{shown}/{VALUES}"))?.is_none() && path.join("helm").is_dir() {
            let message = format!("{shown} has no {VALUES}");
            let hint = format!("`pinrail values check {}`", path.join("helm").display());
            return Err(CommandError::new(ErrorKind::NotFound, message).hint(hint));
        }
        return Ok(values::check_folder(&files, &shown)?);
    }
    let Some(text) = files.read(&shown)? else {
        let message = format!("there is no `{shown}`");
        let hint = "name the folder of the service's chart, or a file of values";
        return Err(CommandError::new(ErrorKind::NotFound, message).hint(hint));
    };
    Ok(Judged { problems: values::check_file(&shown, &text), files: vec![shown] })
}

/// The problems, for people.
pub fn text(body: &Body, _: &Page) -> String {
    match body {
        Body::Values(report) => listed(&report.problems),
        _ => String::new(),
    }
}
