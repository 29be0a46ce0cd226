//! The terminal: data on stdout, talk on stderr, progress only where somebody looks.

use std::io::{self, IsTerminal, Write};
use std::rc::Rc;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use crate::commands::{CommandError, Document, Page, Report, Talk, TrafficReport, Working};
use crate::commands::{check, values};
use crate::store::Traffic;

/// The only place that writes to the terminal.
pub struct Ui {
    json: bool,
    quiet: bool,
    color: ColorChoice,
    progress: Progress,
}

/// How it is told what takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Silent,
    /// A line that is wiped when it is done.
    Line,
    /// A sentence each, which stay.
    Sentences,
}

impl Ui {
    pub fn new(json: bool, quiet: bool, verbose: bool, color: ColorChoice) -> Self {
        let progress = match () {
            () if verbose => Progress::Sentences,
            () if io::stderr().is_terminal() && !quiet && !json => Progress::Line,
            () => Progress::Silent,
        };
        Self { json, quiet, color, progress }
    }

    /// Tells what came of a command, and returns the exit code.
    pub fn finish(
        &self,
        command: &str,
        result: &Result<Report, CommandError>,
        traffic: &Traffic,
    ) -> u8 {
        let cost = TrafficReport::of(traffic);
        if self.progress == Progress::Sentences {
            let cost = cost.iter().map(TrafficReport::sentence);
            traffic.notes.iter().cloned().chain(cost).for_each(|line| self.say(&line));
        }
        if self.json {
            print_document(&Document::new(command, result, cost));
        }
        match result {
            Ok(report) => {
                if !self.json {
                    print(&(report.text)(&report.body, &page()));
                }
                for warning in &report.warnings {
                    self.labelled("warning", AnsiColor::Yellow, warning);
                }
                if !self.quiet {
                    report.said.iter().for_each(|sentence| self.say(sentence));
                }
                report.shortfall.as_ref().map_or(0, |error| self.fail(error))
            }
            Err(error) => {
                if !self.json
                    && let Some(body) = &error.body
                {
                    print(&check::text(body, &page()));
                    print(&values::text(body, &page()));
                }
                self.fail(error)
            }
        }
    }

    fn fail(&self, error: &CommandError) -> u8 {
        self.labelled("error", AnsiColor::Red, &error.message);
        for hint in &error.hints {
            self.labelled("hint", AnsiColor::Cyan, hint);
        }
        error.kind.exit_code()
    }

    /// A voice for commands at work.
    pub fn talk(&self) -> Rc<dyn Talk> {
        Rc::new(Voice { progress: self.progress, json: self.json, quiet: self.quiet })
    }

    fn stderr(&self) -> AutoStream<io::Stderr> {
        match self.color {
            ColorChoice::Auto => AutoStream::auto(io::stderr()),
            choice => AutoStream::new(io::stderr(), choice),
        }
    }

    fn say(&self, sentence: &str) {
        let _ = writeln!(self.stderr(), "{}", harmless(sentence));
    }

    fn labelled(&self, label: &str, color: AnsiColor, text: &str) {
        let style = Style::new().bold().fg_color(Some(color.into()));
        let _ = writeln!(self.stderr(), "{style}{label}:{style:#} {}", harmless(text));
    }
}

/// Prints a text as it is; a reader that has gone away is no failure.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}

/// A text that may hold the words of a server or a hook, without what would move the
/// terminal's cursor or change its colours.
fn harmless(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

/// Prints the one document of `--json`.
pub fn print_document(document: &Document<'_>) {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    print(&text);
}

/// Prints help, the version or a usage error, and returns the exit code.
pub fn print_clap(error: &clap::Error) -> u8 {
    let _ = error.print();
    u8::try_from(error.exit_code()).unwrap_or(2)
}

/// A terminal's width; where nobody looks, wide enough that nothing is wrapped.
fn page() -> Page {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let seen =
        || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
    let width = if io::stdout().is_terminal() {
        told.or_else(seen).unwrap_or(80)
    } else {
        told.unwrap_or(500)
    };
    Page { width, now: Timestamp::now() }
}

struct Voice {
    progress: Progress,
    json: bool,
    quiet: bool,
}

impl Talk for Voice {
    fn progress(&self, message: &str) -> Box<dyn Working> {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if self.progress == Progress::Sentences {
            let _ = writeln!(io::stderr(), "{message}");
        }
        if self.progress == Progress::Line {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::default_spinner());
            bar.set_message(message.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
        }
        Box::new(Line(bar))
    }

    fn say(&self, sentence: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{}", harmless(sentence));
        }
    }

    fn tell(&self, text: &str) {
        if !self.json {
            print(text);
        }
    }
}

/// A progress line, wiped when it is done.
struct Line(ProgressBar);

impl Working for Line {}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
