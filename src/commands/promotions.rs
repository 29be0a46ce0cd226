//! `promotions list|show|merge|close`: the open requests.

use clap::{Args, Subcommand};

use super::approval::missing;
use super::asking::Asking;
use super::evidence::Inquiry;
use super::merging::{Merged, Merging, When};
use super::move_report::{MergeReport, RequestState, RequestsReport, version};
use super::report::{Body, DryRun, Outcome, Page, Report, counted};
use super::requests::{self, Open};
use super::state::Opened;
use super::status_text::{ago, finished, table};
use super::{CommandError, Context, ErrorKind};
use crate::domain::request::RequestName;

/// The open requests; without a command, their list.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail promotions
  pinrail promotions show production/python-example
  pinrail promotions merge production/python-example          # approve it
  pinrail promotions close pinrail/train/production")]
pub struct PromotionsArgs {
    #[command(subcommand)]
    command: Option<PromotionsCommand>,
}

#[derive(Subcommand, Debug)]
enum PromotionsCommand {
    /// List the open requests
    List,
    /// Show what a request would change
    Show(RequestArgs),
    Merge(MergeArgs),
    /// Close a request: its branch goes, what it asked for stays as it is
    Close(RequestArgs),
}

#[derive(Args, Debug)]
struct RequestArgs {
    /// Its branch, such as pinrail/promote/production/api; production/api will do, and
    /// production for the train
    #[arg(value_name = "REQUEST")]
    request: String,
}

/// Approve a request: its change, made again on the newest state, goes into the main branch
#[derive(Args, Debug)]
struct MergeArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Only if this commit is what the request asks for [default: what it asks for now]
    #[arg(long, value_name = "SHA", value_parser = commit_id)]
    head: Option<String>,
    /// Have the forge merge it once its rules allow
    #[arg(long)]
    auto_merge: bool,
}

/// A commit's id or its beginning; an empty one would approve whatever is there.
fn commit_id(text: &str) -> Result<String, String> {
    let is_id = (4..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_ascii_lowercase()).ok_or_else(|| "use a commit's id".to_owned())
}

impl PromotionsArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A request that is not there or may not be merged, or a services-root that cannot be
    /// read or written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        match self.command {
            None | Some(PromotionsCommand::List) => list(context),
            Some(PromotionsCommand::Show(args)) => show(context, &args),
            Some(PromotionsCommand::Merge(args)) => merge(context, args),
            Some(PromotionsCommand::Close(args)) => close(context, &args),
        }
    }

    /// The command's name in the document.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.command {
            None | Some(PromotionsCommand::List) => "promotions list",
            Some(PromotionsCommand::Show(_)) => "promotions show",
            Some(PromotionsCommand::Merge(_)) => "promotions merge",
            Some(PromotionsCommand::Close(_)) => "promotions close",
        }
    }
}

impl RequestArgs {
    fn name(&self) -> Result<RequestName, CommandError> {
        requests::named(&self.request).ok_or_else(|| {
            CommandError::new(
                ErrorKind::Usage,
                format!("`{}` is no name of a request", self.request),
            )
            .hint("such as production/python-example; `pinrail promotions` lists them")
        })
    }
}

/// The open requests; a branch whose request was closed on the forge is none.
fn read(context: &Context) -> Result<Vec<Open>, CommandError> {
    let mut opened = Opened::new(context)?;
    let host = opened.host(context)?;
    let Opened { repo, main, config, .. } = &mut opened;
    let (_, open) = requests::all(repo, config, main)?;
    match host {
        Some(host) => requests::on_forge(&host, main, open),
        None => Ok(open),
    }
}

fn list(context: &Context) -> Result<Report, CommandError> {
    let open = read(context)?;
    let requests: Vec<_> = open.iter().map(Open::item).collect();
    let empty = requests.is_empty();
    let report =
        Report::new(Outcome::Ok, Body::Requests(RequestsReport { requests })).text(list_text);
    Ok(if empty { report.say("There is no open request") } else { report })
}

fn show(context: &Context, args: &RequestArgs) -> Result<Report, CommandError> {
    let name = args.name()?;
    let open = read(context)?;
    let Some(found) = open.iter().find(|open| open.name == name) else {
        return Err(missing(&name, open.iter().map(|open| open.name.branch().to_string())));
    };
    let body = Body::Requests(RequestsReport { requests: vec![found.item()] });
    Ok(Report::new(Outcome::Ok, body).text(show_text))
}

fn merge(context: &Context, args: MergeArgs) -> Result<Report, CommandError> {
    let name = args.request.name()?;
    let mut opened = Opened::new(context)?;
    let host = opened.host(context)?;
    let Opened { repo, main, config, access } = &mut opened;
    let location = repo.location().clone();
    let inquiry = Inquiry::new(context, access, &location);
    let merging = Merging { context, main, config, host: host.as_ref(), inquiry: &inquiry };
    let when = if args.auto_merge { When::Ready } else { When::Now };
    let Merged { outcome, report, mut said, closed, warnings } =
        merging.run(repo, &name, args.head, when)?;
    said.extend(closed);
    Ok(Report { said, warnings, ..Report::new(outcome, Body::Merge(report)) })
}

fn close(context: &Context, args: &RequestArgs) -> Result<Report, CommandError> {
    let name = args.name()?;
    let mut opened = Opened::new(context)?;
    let host = opened.host(context)?;
    let Opened { repo, main, config, .. } = &mut opened;
    let branch = name.branch();
    let asking = Asking { context, main, config, host: host.as_ref(), name: name.clone() };
    let word = format!("{} did so with `pinrail promotions close`", context.author.name);
    let closed = if context.dry_run {
        repo.tips(&[])?.names().contains(&branch)
    } else {
        asking.withdraw(repo, None, &word)?
    };
    if !closed {
        let known =
            requests::names(&repo.tips(&[])?).into_iter().map(|name| name.branch().to_string());
        return Err(missing(&name, known));
    }
    let body = MergeReport {
        branch: branch.to_string(),
        head: None,
        commit: None,
        moves: Vec::new(),
        closed: vec![branch.to_string()],
        attempts: 1,
        run: DryRun::of(context.dry_run, &[]),
    };
    let would = if context.dry_run { "Would have closed" } else { "Closed" };
    Ok(Report::new(Outcome::Closed, Body::Merge(body)).say(format!("{would} {branch}")))
}

fn list_text(body: &Body, page: &Page) -> String {
    let Body::Requests(report) = body else { return String::new() };
    if report.requests.is_empty() {
        return String::new();
    }
    let mut table = table(page);
    let has_pages = report.requests.iter().any(|request| request.url.is_some());
    let mut header = vec!["REQUEST", "ASKS FOR", "SINCE", "BY"];
    header.extend(has_pages.then_some("PAGE"));
    table.set_header(header);
    for request in &report.requests {
        let asks = match (request.state, request.moves.as_slice()) {
            (RequestState::Foreign, _) => "has commits that pinrail did not make".to_owned(),
            (RequestState::Empty, _) => "nothing any more".to_owned(),
            (_, [only]) => format!(
                "{} in {}: {} → {}",
                only.service,
                only.environment,
                version(only.from.as_ref()),
                version(Some(&only.to))
            ),
            (_, several) => counted(several.len(), "pin"),
        };
        let (since, by) = (ago(request.at, page.now), request.by.clone());
        let mut row = vec![request.branch.clone(), asks, since, by];
        row.extend(has_pages.then(|| request.url.clone().unwrap_or_default()));
        table.add_row(row);
    }
    finished(&table)
}

fn show_text(body: &Body, page: &Page) -> String {
    let Body::Requests(RequestsReport { requests }) = body else { return String::new() };
    let Some(request) = requests.first() else { return String::new() };
    let mut text = format!(
        "{} at {}, by {}, {}\n",
        request.branch,
        &request.head[..7],
        request.by,
        ago(request.at, page.now)
    );
    text.extend(request.url.iter().map(|url| format!("{url}\n")));
    let mut table = table(page);
    table.set_header(["SERVICE", "ENVIRONMENT", "FROM", "TO", "REVISION"]);
    for step in &request.moves {
        let revision = step.to.target_revision.short();
        table.add_row([
            step.service.as_str(),
            step.environment.as_str(),
            version(step.from.as_ref()),
            version(Some(&step.to)),
            revision,
        ]);
    }
    text.push_str(&finished(&table));
    text
}
