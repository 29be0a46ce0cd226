//! `demo`: the whole story on this machine, every command as a newcomer could type it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use clap::Args;

use super::report::{Body, DemoReport, DemoStep, Outcome, Report};
use super::{CommandError, Context, ErrorKind};
use crate::store::{Edits, Location, Pace, Planned, Reading, StateRepo, Write, init};

/// See it all in a minute: pins, a race, a promotion, a rollback. No network, no cluster.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  pinrail demo          # in a new temporary folder
  pinrail demo ~/demo   # in a folder that is not there yet; go on with it afterwards")]
pub struct DemoArgs {
    /// Where to make it: a folder that is empty or not there
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// The versions of a service's repository, oldest first.
struct Service {
    name: &'static str,
    revisions: Vec<String>,
}

impl DemoArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// A folder that is not empty, or a step that did not go as it should.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        let failed = |what: &str, error: std::io::Error| {
            CommandError::new(ErrorKind::Local, format!("cannot {what}: {error}"))
        };
        let dir = match self.dir {
            Some(dir) => dir,
            None => tempfile::Builder::new()
                .prefix("pinrail-demo-")
                .tempdir()
                .map_err(|error| failed("make a folder", error))?
                .keep(),
        };
        if dir.exists()
            && std::fs::read_dir(&dir)
                .map_err(|error| failed("read the folder", error))?
                .next()
                .is_some()
        {
            let message = format!("{} is not empty", dir.display());
            return Err(CommandError::new(ErrorKind::Local, message)
                .hint("name a folder that is not there yet"));
        }
        std::fs::create_dir_all(&dir).map_err(|error| failed("make the folder", error))?;
        let dir = dir.canonicalize().map_err(|error| failed("find the folder", error))?;
        let program =
            std::env::current_exe().map_err(|error| failed("find pinrail itself", error))?;
        let mut stage =
            Stage { context, program, dir: dir.clone(), folder: dir.clone(), steps: Vec::new() };
        stage.play()?;
        let shown = dir.display();
        context.talk.tell(&format!("\nIt is all in {shown}. Go on with it: cd {shown}/services-root && git log --graph --stat\n"));
        let body = DemoReport { directory: shown.to_string(), steps: stage.steps };
        Ok(Report::new(Outcome::Ok, Body::Demo(body)))
    }
}

/// Where the story plays.
struct Stage<'a> {
    context: &'a Context,
    program: PathBuf,
    dir: PathBuf,
    /// Where the next command is typed.
    folder: PathBuf,
    steps: Vec<DemoStep>,
}

impl Stage<'_> {
    fn play(&mut self) -> Result<(), CommandError> {
        self.say("Two services, each with a Git repository of its own, and three versions so far.");
        let shop = self.service("shop")?;
        let cart = self.service("cart")?;
        self.say("\nThe services-root says which version of which service runs where.");
        self.run(&["init services-root --services \"file://$PWD/\\${{ service }}\""], 0)?;
        self.say("\n$ cd services-root");
        self.folder = self.dir.join("services-root");
        self.run(&["service add shop"], 0)?;
        self.run(&["service add cart"], 0)?;
        self.say("\nA pipeline pins what it has built.");
        self.run(&[&pin(&shop, 0)], 0)?;
        self.run(&[&pin(&cart, 0)], 0)?;
        self.say("\nTwo pipelines at the same moment: both pins land, none is lost.");
        self.run(&[&pin(&shop, 1), &pin(&cart, 1)], 0)?;
        self.run(&["status"], 0)?;
        self.say("\nProduction changes by request: one for all that may go, and approving it is merging it.");
        self.run(&["promote --all --to production"], 0)?;
        self.run(&["promotions"], 0)?;
        self.run(&["promotions merge production"], 0)?;
        self.say("\nThe next version of shop: what would it bring?");
        self.run(&[&pin(&shop, 2)], 0)?;
        self.run(&["diff shop staging production"], 0)?;
        self.run(&["promote shop --to production"], 0)?;
        self.run(&["promotions merge production/shop"], 0)?;
        self.say("\nIt was a bad one. Back, under a lock that nothing passes.");
        self.run(&["rollback shop -e production --reason \"checkout is broken\""], 0)?;
        self.run(&["promote shop --to production"], ErrorKind::Refused.exit_code().into())?;
        self.say("\nWhat runs where, and how it came to be.");
        self.run(&["status"], 0)?;
        self.run(&["history shop -e production"], 0)
    }

    fn say(&self, text: &str) {
        self.context.talk.tell(&format!("{text}\n"));
    }

    /// Runs commands at the same time and shows each as it would be typed.
    fn run(&mut self, commands: &[&str], expected: i32) -> Result<(), CommandError> {
        let typed: Vec<String> =
            commands.iter().map(|command| format!("pinrail {command}")).collect();
        let mut running = Vec::new();
        for command in commands {
            // A shell reads what is typed, with `pinrail` standing for this very program.
            let script = format!("exec \"$PINRAIL\" {command} 2>&1");
            let mut shell = Command::new("sh");
            shell.args(["-c", &script]).current_dir(&self.folder).env("PINRAIL", &self.program);
            shell.env_remove("PINRAIL_REPO").stdin(Stdio::null()).stdout(Stdio::piped());
            let child = shell.spawn();
            running.push(child.map_err(|error| {
                CommandError::new(ErrorKind::Local, format!("cannot run sh: {error}"))
            })?);
        }
        let at_once = if typed.len() > 1 { " & wait" } else { "" };
        self.say(&format!("\n$ {}{at_once}", typed.join(" & ")));
        for (child, typed) in running.into_iter().zip(typed) {
            let output = child.wait_with_output();
            let output = output.map_err(|error| {
                CommandError::new(ErrorKind::Local, format!("cannot run pinrail: {error}"))
            })?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            self.context.talk.tell(&text);
            let exit_code = output.status.code().unwrap_or(-1);
            if exit_code != expected {
                let message = format!(
                    "`{typed}` ended with {exit_code} instead of {expected}: {}",
                    text.trim()
                );
                return Err(CommandError::new(ErrorKind::Bug, message));
            }
            self.steps.push(DemoStep { command: typed, exit_code, output: text });
        }
        Ok(())
    }

    /// Makes a service's repository with three commits.
    fn service(&self, name: &'static str) -> Result<Service, CommandError> {
        let folder = self.dir.join(name);
        let main =
            "main".parse().map_err(|_| CommandError::new(ErrorKind::Bug, "no branch name"))?;
        let content = |number: usize| {
            let mut edits = Edits::default();
            edits.write("version", format!("{number}\n").into_bytes());
            edits
        };
        let subject = |what: &str| self.context.message(format!("{name}: {what}"));
        let first = init(
            &folder,
            std::slice::from_ref(&main),
            &content(0),
            &self.context.author,
            &subject("begin"),
            Instant::now() + self.context.timeout,
        )?;
        let mut revisions = vec![first];
        for (number, what) in ["sell more", "a new checkout"].into_iter().enumerate() {
            let mut repo = open(&folder, self.context)?;
            let landed = repo.transact(
                &Reading::tips(std::slice::from_ref(&main)),
                &self.context.author,
                |tips| {
                    let missing =
                        || CommandError::new(ErrorKind::Bug, "a repository without its branch");
                    let tip = tips.get(&main)?.ok_or_else(missing)?;
                    let write = Write::on(&main, &tip, content(number + 1), subject(what));
                    Ok::<_, CommandError>(Planned { value: (), write: Some(write) })
                },
            )?;
            revisions.extend(landed.commit);
        }
        Ok(Service { name, revisions })
    }
}

fn open(folder: &Path, context: &Context) -> Result<StateRepo, CommandError> {
    let location = Location::Path(folder.to_path_buf());
    Ok(StateRepo::open(&location, &context.access, Pace::until(context.timeout), false)?)
}

/// The pin of a service's version, as its pipeline would write it.
fn pin(service: &Service, version: usize) -> String {
    let revision = service.revisions.get(version).map_or("", String::as_str);
    format!("pin {} -e staging --image-tag 1.{version}.0 --revision {revision}", service.name)
}
