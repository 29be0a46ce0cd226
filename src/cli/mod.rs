//! The command line: arguments, the environment, and one document or text out.

mod environment;
mod ui;

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind as ClapKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::commands::check::CheckArgs;
use crate::commands::demo::DemoArgs;
use crate::commands::diff::DiffArgs;
use crate::commands::doctor::DoctorArgs;
use crate::commands::domain::DomainCommand;
use crate::commands::generate::GenerateArgs;
use crate::commands::history::HistoryArgs;
use crate::commands::init::InitArgs;
use crate::commands::lock::LockArgs;
use crate::commands::pin::PinArgs;
use crate::commands::promote::PromoteArgs;
use crate::commands::promotions::PromotionsArgs;
use crate::commands::render::RenderArgs;
use crate::commands::rollback::RollbackArgs;
use crate::commands::schema::SchemaArgs;
use crate::commands::service::ServiceCommand;
use crate::commands::status::StatusArgs;
use crate::commands::tend::TendArgs;
use crate::commands::unlock::UnlockArgs;
use crate::commands::values::ValuesCommand;
use crate::commands::{CommandError, Context, Document, ErrorKind, Report, Via};
use crate::domain::environment::Period;
use environment::Variables;
use ui::Ui;

/// Which version of every service runs in every environment: safe pins, in one Git
/// repository.
#[derive(Parser, Debug)]
#[command(
    name = "pinrail",
    version,
    arg_required_else_help = true,
    after_help = "\
Start with:
  pinrail init services-root                 # a new services-root
  cd services-root
  pinrail service add python-example         # a service
  pinrail pin python-example -e staging --image-tag 1.0.0 --revision SHA
  pinrail status                             # what runs where

Exit codes: 0 done · 1 failed (network, authentication, timeout, not found) · 2 usage ·
3 conflict · 4 invalid · 5 refused by a gate, a lock or the server · 255 a bug"
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
struct GlobalArgs {
    /// The services-root: a URL or a path [default: `origin` of the clone one stands in, or
    /// that repository itself]
    #[arg(
        long,
        global = true,
        value_name = "URL|PATH",
        env = "PINRAIL_REPO",
        hide_env_values = true
    )]
    repo: Option<String>,
    /// Print one JSON document on stdout (`pinrail schema report` describes it)
    #[arg(long, global = true)]
    json: bool,
    /// Write nothing, and show what would be written
    #[arg(long, global = true)]
    dry_run: bool,
    /// Say nothing but data and errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say what is done meanwhile
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Colours on stderr
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Certificates (PEM) to trust beside the system's
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PINRAIL_CA_FILE",
        hide_env_values = true
    )]
    ca_file: Option<PathBuf>,
    /// How commits get onto a branch: a push, or GitHub's API, which signs them
    #[arg(long, global = true, value_name = "WAY", default_value = "git", env = "PINRAIL_VIA")]
    via: Via,
    /// Give up after so long, such as `30s`
    #[arg(long, global = true, value_name = "TIME", default_value = "2m", value_parser = timeout)]
    timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand, Debug)]
enum Command {
    Init(InitArgs),
    #[command(subcommand)]
    Service(ServiceCommand),
    #[command(subcommand)]
    Domain(DomainCommand),
    Pin(PinArgs),
    Status(StatusArgs),
    Promote(PromoteArgs),
    Promotions(PromotionsArgs),
    Rollback(RollbackArgs),
    Lock(LockArgs),
    Unlock(UnlockArgs),
    Tend(TendArgs),
    History(HistoryArgs),
    Diff(DiffArgs),
    Demo(DemoArgs),
    Check(CheckArgs),
    Doctor(DoctorArgs),
    /// Judge a service's values
    #[command(subcommand)]
    Values(ValuesCommand),
    Generate(GenerateArgs),
    Render(RenderArgs),
    Schema(SchemaArgs),
    /// Print a shell's completions
    #[command(after_help = "Example:\n  pinrail completions bash > /etc/bash_completion.d/pinrail")]
    Completions {
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of a command where one is named
    #[command(
        after_help = "Examples:\n  pinrail man | man -l -\n  pinrail man pin > pinrail-pin.1"
    )]
    Man {
        /// The command, such as `pin` or `service add`
        command: Vec<String>,
    },
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Service(command) => command.name(),
            Self::Domain(command) => command.name(),
            Self::Pin(_) => "pin",
            Self::Status(_) => "status",
            Self::Promote(_) => "promote",
            Self::Promotions(args) => args.name(),
            Self::Rollback(_) => "rollback",
            Self::Lock(_) => "lock",
            Self::Unlock(_) => "unlock",
            Self::Tend(_) => "tend",
            Self::History(_) => "history",
            Self::Diff(_) => "diff",
            Self::Demo(_) => "demo",
            Self::Check(_) => "check",
            Self::Doctor(_) => "doctor",
            Self::Values(command) => command.name(),
            Self::Generate(_) => "generate",
            Self::Render(_) => "render",
            Self::Schema(_) => "schema",
            Self::Completions { .. } => "completions",
            Self::Man { .. } => "man",
        }
    }
}

/// The longest `--timeout`.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A whole number is seconds; otherwise a length of time such as `2m`.
fn timeout(text: &str) -> Result<Duration, String> {
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => text.parse::<Period>().map_err(|error| error.to_string())?.duration(),
    };
    // What no clock can tell the end of is no limit.
    (time <= LONGEST).then_some(time).ok_or_else(|| "use at most 365d".to_owned())
}

/// Runs the program on these arguments, and returns its exit code.
#[must_use]
pub fn main(arguments: &[std::ffi::OsString]) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, arguments),
    };
    let Cli { global, command } = cli;
    let ui = Ui::new(global.json, global.quiet, global.verbose, choice(global.color));
    let name = command.name();
    let context = context(&global, &ui);
    let result = run(command, &context);
    ui.finish(name, &result, &context.access.meter.traffic())
}

fn run(command: Command, context: &Context) -> Result<Report, CommandError> {
    match command {
        Command::Init(args) => args.run(context),
        Command::Service(command) => command.run(context),
        Command::Domain(command) => command.run(context),
        Command::Pin(args) => args.run(context),
        Command::Status(args) => args.run(context),
        Command::Promote(args) => args.run(context),
        Command::Promotions(args) => args.run(context),
        Command::Rollback(args) => args.run(context),
        Command::Lock(args) => args.run(context),
        Command::Unlock(args) => args.run(context),
        Command::Tend(args) => args.run(context),
        Command::History(args) => args.run(context),
        Command::Diff(args) => args.run(context),
        Command::Demo(args) => args.run(context),
        Command::Check(args) => args.run(context),
        Command::Doctor(args) => args.run(context),
        Command::Values(command) => command.run(context),
        Command::Generate(args) => args.run(context),
        Command::Render(args) => args.run(context),
        Command::Schema(args) => Ok(Report::of_text(args.name.text())),
        Command::Completions { shell } => Ok(Report::of_text(completions(shell))),
        Command::Man { command } => man(&command).map(Report::of_text),
    }
}

fn context(global: &GlobalArgs, ui: &Ui) -> Context {
    let variables = Variables::read();
    let place = environment::place(global.repo.as_deref());
    Context {
        location: place.location,
        work_tree: place.work_tree,
        hook: variables.hook(),
        access: variables.access(global.ca_file.clone(), place.login),
        author: variables.author(),
        ci: variables.ci(),
        endpoints: variables.endpoints(),
        app: variables.app(),
        argocd_token: variables.argocd_token(),
        via: global.via,
        timeout: global.timeout,
        dry_run: global.dry_run,
        now: Timestamp::now(),
        talk: ui.talk(),
    }
}

fn choice(color: Color) -> anstream::ColorChoice {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
}

/// Help, the version, or a command line that is wrong.
fn usage(error: &clap::Error, arguments: &[std::ffi::OsString]) -> u8 {
    let is_help = matches!(error.kind(), ClapKind::DisplayHelp | ClapKind::DisplayVersion);
    let json = arguments.iter().any(|argument| argument == "--json");
    if is_help || !json {
        return ui::print_clap(error);
    }
    let text = error.render().to_string();
    let text = match error.kind() {
        ClapKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "the command requires a subcommand\n\n`--help` lists them".to_owned()
        }
        _ => text,
    };
    // The first paragraph says what is wrong, each other one what helps.
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        let lines: Vec<_> = paragraph.lines().map(str::trim).collect();
        lines.join(" ").trim_start_matches("error: ").trim_start_matches("tip: ").to_owned()
    });
    let message = paragraphs.next().unwrap_or_default();
    let hints = paragraphs.filter(|paragraph| !paragraph.is_empty());
    let result: Result<Report, _> = Err(CommandError::new(ErrorKind::Usage, message).hints(hints));
    ui::print_document(&Document::new("", &result, None));
    ErrorKind::Usage.exit_code()
}

fn completions(shell: clap_complete::Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pinrail", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn man(path: &[String]) -> Result<String, CommandError> {
    let mut command = Cli::command();
    command.build();
    let mut name = "pinrail".to_owned();
    for part in path {
        let Some(next) = command.find_subcommand(part).cloned() else {
            let known: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
            return Err(CommandError::new(
                ErrorKind::Usage,
                format!("there is no command `{name} {part}`"),
            )
            .hint(format!("there are: {}", known.join(", "))));
        };
        name = format!("{name}-{part}");
        command = next.display_name(name.clone());
    }
    let mut bytes = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut bytes)
        .map_err(|error| CommandError::new(ErrorKind::Bug, error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
