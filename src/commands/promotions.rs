//! `promotions list|show|merge|close`: the open requests.

use clap::{Args, Subcommand};

use super::move_report::{MergeReport, PinMove, RequestState, RequestsReport, version};
use super::report::{Body, DryRun, Outcome, Page, Report, counted};
use super::requests::{self, Open};
use super::state::{Opened, State};
use super::status_text::{ago, finished, table};
use super::{CommandError, Context, ErrorKind};
use crate::domain::layout;
use crate::domain::name::BranchName;
use crate::domain::nearest::{did_you_mean, nearest};
use crate::domain::promotion::Cause;
use crate::domain::request::RequestName;
use crate::store::{Planned, Reading, StateRepo, Write};

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

fn list(context: &Context) -> Result<Report, CommandError> {
    let Opened { mut repo, main, config } = Opened::new(context)?;
    let (_, open) = requests::all(&mut repo, &config, &main)?;
    let requests: Vec<_> = open.iter().map(Open::item).collect();
    let empty = requests.is_empty();
    let report =
        Report::new(Outcome::Ok, Body::Requests(RequestsReport { requests })).text(list_text);
    Ok(if empty { report.say("There is no open request") } else { report })
}

fn show(context: &Context, args: &RequestArgs) -> Result<Report, CommandError> {
    let name = args.name()?;
    let Opened { mut repo, main, config } = Opened::new(context)?;
    let (_, open) = requests::all(&mut repo, &config, &main)?;
    let Some(found) = open.iter().find(|open| open.name == name) else {
        return Err(missing(&name, open.iter().map(|open| open.name.branch().to_string())));
    };
    let body = Body::Requests(RequestsReport { requests: vec![found.item()] });
    Ok(Report::new(Outcome::Ok, body).text(show_text))
}

fn missing(name: &RequestName, known: impl Iterator<Item = String>) -> CommandError {
    let branch = name.branch();
    let known: Vec<_> = known.collect();
    CommandError::new(ErrorKind::NotFound, format!("there is no open request `{branch}`"))
        .hints(did_you_mean(&nearest(branch.as_str(), &known)))
        .hint("it was merged or closed, or never opened; `pinrail promotions` lists those that are open")
}

/// What a merge decided.
enum Merged {
    /// The change is to go in, or is in.
    In(Vec<PinMove>),
    /// Somebody merged it before.
    Before,
    /// All that it asks for is there already.
    Empty,
}

fn merge(context: &Context, args: MergeArgs) -> Result<Report, CommandError> {
    let name = args.request.name()?;
    let Opened { mut repo, main, config } = Opened::new(context)?;
    let location = repo.location().to_string();
    let _progress = context.talk.progress(&format!("merging {}", name.branch()));
    let mut branches = config.branches();
    branches.push(name.branch());
    // A merge approves one commit, the one that was told or that was read first.
    let mut approved = args.head;
    let landed = repo.transact(&Reading::whole(&branches), &context.author, |tips| {
        let state = State::read(tips, &main, &location)?;
        let nothing = |merged| Planned { value: merged, write: None };
        if let Some(head) = &approved
            && head.len() == 40
            && requests::merged_with(&state.main, head)?
        {
            return Ok(nothing(Merged::Before));
        }
        let Some(open) = Open::read(tips, &name, &state)? else {
            let known = requests::names(tips).into_iter().map(|name| name.branch().to_string());
            return Err(missing(&name, known));
        };
        let head = approved.get_or_insert_with(|| open.head.clone());
        if !open.head.starts_with(head.as_str()) {
            let message =
                format!("{} asks for {} by now, not {head}", name.branch(), &open.head[..7]);
            return Err(CommandError::new(ErrorKind::Conflict, message)
                .hint("look at it again: `pinrail promotions show` tells what it asks for now"));
        }
        head.clone_from(&open.head);
        if open.foreign {
            let cause = Cause::ForeignCommits { branch: name.branch().to_string() };
            return Err(CommandError::new(ErrorKind::Refused, cause.sentence())
                .hint("review and merge it with git, or close it and promote again"));
        }
        if open.is_empty() {
            return Ok(nothing(Merged::Empty));
        }
        requests::judge(&state, &open.edits)?;
        may_go(&state, &open, context)?;
        let mut message = requests::message(context, &name, &open.moves);
        message.subject = format!("merge {}", name.branch());
        message.trailers.push(("Request".to_owned(), name.branch().to_string()));
        let write = Write::Commit {
            branch: main.clone(),
            parents: vec![state.main.id(), open.head.clone()],
            edits: open.edits,
            message,
        };
        Ok(Planned { value: Merged::In(open.moves), write: Some(write) })
    })?;
    let branch = name.branch();
    let mut report = MergeReport {
        branch: branch.to_string(),
        head: approved.clone(),
        commit: landed.commit,
        moves: Vec::new(),
        closed: Vec::new(),
        attempts: landed.attempts,
        run: DryRun::of(context.dry_run, &landed.changes),
    };
    let mut said = report.run.shown();
    let outcome = match landed.value {
        Merged::In(moves) => {
            let would = if context.dry_run { "Would have merged" } else { "Merged" };
            let commit = report
                .commit
                .as_ref()
                .map(|commit| format!(" (commit {})", &commit[..7]))
                .unwrap_or_default();
            said.push(format!("{would} {branch}{commit}"));
            said.extend(moves.iter().map(PinMove::line));
            report.moves = moves;
            Outcome::Merged
        }
        Merged::Before => {
            said.push(format!("Nothing to do: {branch} was merged by somebody else"));
            Outcome::Unchanged
        }
        Merged::Empty => {
            said.push(format!("Nothing to do: all that {branch} asks for is there"));
            Outcome::Unchanged
        }
    };
    let mut warnings = Vec::new();
    if !context.dry_run {
        match tidy(context, &mut repo, &main) {
            Ok(closed) => report.closed = closed,
            Err(error) => warnings.push(format!("requests that are over were not closed: {error}")),
        }
    }
    let others: Vec<_> =
        report.closed.iter().filter(|closed| **closed != branch.as_str()).collect();
    said.extend(
        others.iter().map(|closed| format!("Closed {closed}: it has nothing new to ask for")),
    );
    Ok(Report { said, warnings, ..Report::new(outcome, Body::Merge(report)) })
}

/// What holds a promotion back holds an approval as well.
fn may_go(state: &State<'_>, open: &Open, context: &Context) -> Result<(), CommandError> {
    let root = state.root();
    for PinMove { service, environment, .. } in &open.moves {
        let refuse = |cause: &Cause| {
            let message = format!("not `{service}` in `{environment}`: {}", cause.sentence());
            Err(CommandError::new(ErrorKind::Refused, message).hint("the request stays open"))
        };
        match root.lock(environment, service, context.now)? {
            Ok(None) => {}
            Ok(Some(lock)) => return refuse(&Cause::from(&lock)),
            Err(problem) => return Err(problem.into()),
        }
        let from = root.config.environment(environment.as_str()).and_then(|it| it.from.as_ref());
        if let Some(source) = from.and_then(|from| root.config.environment(from.as_str())) {
            let there = match root.domain_of(service)? {
                Some(domain) => {
                    root.files_of(source).read(&layout::pin(&source.name, domain, service))?
                }
                None => None,
            };
            if there.is_none() {
                return refuse(&Cause::NotInSource { source: source.name.clone() });
            }
        }
    }
    Ok(())
}

/// Closes every request that has nothing left to ask for, or that is superseded.
fn tidy(
    context: &Context,
    repo: &mut StateRepo,
    main: &BranchName,
) -> Result<Vec<String>, CommandError> {
    let config = {
        let tips = repo.tips(std::slice::from_ref(main))?;
        super::state::config_on(&tips, main)?.unwrap_or_default()
    };
    let over = {
        let (state, open) = requests::all(repo, &config, main)?;
        let mut over = Vec::new();
        for open in open {
            if open.is_empty() || open.is_superseded(&state, context.now)? {
                over.push((open.name, open.head));
            }
        }
        over
    };
    let mut closed = Vec::new();
    for (name, head) in over {
        let deleted = delete(context, repo, &name, Some(&head))?;
        closed.extend(deleted.then(|| name.branch().to_string()));
    }
    Ok(closed)
}

/// Removes a request's branch if it is still at `head`; true when this run removed it.
fn delete(
    context: &Context,
    repo: &mut StateRepo,
    name: &RequestName,
    head: Option<&str>,
) -> Result<bool, CommandError> {
    let branch = name.branch();
    let landed =
        repo.transact(&Reading::tips(std::slice::from_ref(&branch)), &context.author, |tips| {
            let there = tips.get(&branch)?.map(|snapshot| snapshot.id());
            let wanted = there.is_some() && head.is_none_or(|head| there.as_deref() == Some(head));
            let write = wanted.then(|| Write::Delete { branch: branch.clone() });
            Ok::<_, CommandError>(Planned { value: wanted, write })
        })?;
    Ok(landed.value)
}

fn close(context: &Context, args: &RequestArgs) -> Result<Report, CommandError> {
    let name = args.name()?;
    let Opened { mut repo, .. } = Opened::new(context)?;
    let branch = name.branch();
    if !delete(context, &mut repo, &name, None)? {
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
    table.set_header(["REQUEST", "ASKS FOR", "SINCE", "BY"]);
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
        table.add_row([
            request.branch.clone(),
            asks,
            ago(request.at, page.now),
            request.by.clone(),
        ]);
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
