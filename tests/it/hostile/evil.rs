//! A real server, one kind of whose answers is spoiled, and what a pin makes of it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::git_http::GitHttp;
use crate::support::http1::{Answer, Message};
use crate::support::pinrail::{Run, run};
use crate::support::root::Root;
use crate::support::way::pin;

/// What of the conversation is spoiled. Nothing is assumed of how often each is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Listing,
    Fetch,
    Push,
}

impl Step {
    fn of(message: &Message) -> Step {
        let has = |words: &[u8]| message.body.windows(words.len()).any(|bytes| bytes == words);
        match () {
            () if message.request.path.ends_with("/info/refs") => Step::Greeting,
            () if message.request.is_push() => Step::Push,
            () if has(b"command=ls-refs") => Step::Listing,
            () => Step::Fetch,
        }
    }

    /// The head of an answer, without its end.
    fn head(self) -> String {
        let kind = match self {
            Step::Greeting => "git-upload-pack-advertisement",
            Step::Listing | Step::Fetch => "git-upload-pack-result",
            Step::Push => "git-receive-pack-result",
        };
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/x-{kind}\r\n")
    }
}

/// What is said in place of a good answer.
pub enum Evil {
    /// A whole answer with this body.
    Body(Vec<u8>),
    /// A whole answer with another head, too.
    Raw(Vec<u8>),
    /// The first in the body, and then the second without end.
    Endless(Vec<u8>, Vec<u8>),
    /// The same from the first byte of the head.
    RawEndless(Vec<u8>, Vec<u8>),
    /// A good answer, a byte a second.
    Drip,
    /// The first in the body, and then silence with the connection open.
    Silence(Vec<u8>),
}

impl Evil {
    fn answer(self, step: Step, good: Vec<u8>, over: Arc<AtomicBool>) -> Answer {
        let endless = move || format!("{}\r\n", step.head()).into_bytes();
        let whole = move |body: &[u8]| {
            let head = format!("{}Content-Length: {}\r\n\r\n", step.head(), body.len());
            [head.as_bytes(), body].concat()
        };
        let wait = move |time: Duration| {
            let end = Instant::now() + time;
            while Instant::now() < end && !over.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(20));
            }
            !over.load(Ordering::SeqCst)
        };
        Answer::Stream(Box::new(move |client| match self {
            Evil::Body(body) => client.write_all(&whole(&body)),
            Evil::Raw(bytes) => client.write_all(&bytes),
            Evil::Endless(start, rest) => repeat(client, &[endless(), start].concat(), &rest),
            Evil::RawEndless(start, rest) => repeat(client, &start, &rest),
            Evil::Drip => {
                client.write_all(&endless())?;
                for byte in good {
                    client.write_all(&[byte])?;
                    if !wait(Duration::from_secs(1)) {
                        break;
                    }
                }
                Ok(())
            }
            Evil::Silence(start) => {
                client.write_all(&[endless(), start].concat())?;
                while wait(Duration::from_secs(1)) {}
                Ok(())
            }
        }))
    }
}

/// Says `piece` until the client has enough.
fn repeat(client: &mut dyn Write, start: &[u8], piece: &[u8]) -> std::io::Result<()> {
    client.write_all(start)?;
    let many = piece.repeat(1 + (64 << 10) / piece.len());
    loop {
        client.write_all(&many)?;
    }
}

/// A packet line.
pub fn line(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [format!("{:04x}", text.len() + 4).as_bytes(), text].concat()
}

/// A packet line in a band.
pub fn band(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    line([&[number], bytes.as_ref()].concat())
}

/// Bytes that are nothing at all.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(next).collect()
}

/// Words that would take over a terminal, or pass for others.
pub const ESCAPES: &str = "\x1b[2J\x1b]0;owned\x07\r\x08no\u{9b}31m\u{9d}way\x7f";

/// What a hostile server may make us hold, in KiB: the 16 MB of any pin, and beside them the
/// largest pack that is believed, with what is in it.
const PEAK: u64 = 128 << 10;
/// The program's limit of time, and what may come on top: one last look at the branch takes
/// 5 seconds at most, and this machine may be busy.
const TIMEOUT: Duration = Duration::from_secs(3);
const GRACE: Duration = Duration::from_secs(12);

/// One pin through a server that does this whenever it is asked for `step`.
#[track_caller]
pub fn against(
    step: Step,
    name: &str,
    evil: impl Fn(&[u8]) -> Evil + Send + Sync + 'static,
) -> Run {
    through(step, name, move |asked, good| match asked {
        _ if asked == step => Some(evil(good)),
        // Where its branches are is said in the greeting too, for those who speak version 1.
        Step::Greeting if step == Step::Listing => Some(evil(good)),
        // What it can do is asked of a server that does not answer the first question.
        Step::Listing if step == Step::Greeting => Some(Evil::Body(line("ERR what?\n"))),
        _ => None,
    })
}

/// One pin through a server whose answers are spoiled where there is something to spoil them
/// with, `step` at least.
#[track_caller]
pub fn through(
    step: Step,
    name: &str,
    evil: impl Fn(Step, &[u8]) -> Option<Evil> + Send + Sync + 'static,
) -> Run {
    let root = Root::new(&["api"]);
    let before = root.refs();
    let server = GitHttp::serve(&root.served());
    let over = Arc::new(AtomicBool::new(false));
    let met = Arc::new(AtomicBool::new(false));
    let (is_over, was_met) = (Arc::clone(&over), Arc::clone(&met));
    server.stand_in(move |message, forward| {
        let asked = Step::of(message);
        was_met.fetch_or(asked == step, Ordering::SeqCst);
        // A push that is answered falsely has not happened.
        let good = (asked != Step::Push).then(forward);
        let body = good.as_ref().map_or(&[][..], |good| &good.body);
        match evil(asked, body) {
            Some(evil) => evil.answer(asked, body.to_vec(), Arc::clone(&is_over)),
            None => Answer::Whole(good.unwrap_or_else(forward)),
        }
    });
    let began = Instant::now();
    let mut command = pin(&server.url("root.git"), "api", "1");
    command.args(["--timeout", &TIMEOUT.as_secs().to_string()]);
    let (run, peak) = measured(&command);
    let took = began.elapsed();
    over.store(true, Ordering::SeqCst);
    let pushes = server.log().iter().filter(|request| request.is_push()).count();
    assert!(met.load(Ordering::SeqCst), "{name}: nobody asked for it: {run:#?}");
    assert_eq!(root.refs(), before, "{name}: {run:#?}");
    assert!(step == Step::Push || pushes == 0, "{name}: {pushes} pushes");
    assert!(peak < PEAK, "{name}: held {peak} KiB: {run:#?}");
    assert!(took < TIMEOUT + GRACE, "{name}: took {took:?}: {run:#?}");
    assert_short(name, &run);
    run
}

/// One error of bounded length, with nothing that a terminal would obey.
#[track_caller]
fn assert_short(name: &str, run: &Run) {
    let text = run.document()["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(!text.is_empty(), "{name}: no message: {run:#?}");
    assert!(text.len() < 3000, "{name}: a message of {} bytes", text.len());
    assert!(!text.chars().any(char::is_control), "{name}: {text:?}");
    for output in [&run.stdout, &run.stderr] {
        assert!(output.len() < 8000, "{name}: {} bytes are printed", output.len());
        let bad = output.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(bad, None, "{name}: {output:?}");
    }
    let errors = run.stderr.lines().filter(|line| line.starts_with("error:")).count();
    assert_eq!(errors, 1, "{name}: {}", run.stderr);
}

/// The same, for a server that leaves no doubt: it fails for this reason, at once or at the
/// deadline.
#[track_caller]
pub fn assert_fails(step: Step, name: &str, evil: impl Fn(&[u8]) -> Evil + Send + Sync + 'static) {
    let run = against(step, name, evil);
    let expected = ["1 failed network", "1 failed timeout"];
    assert!(expected.contains(&run.verdict().as_str()), "{name}: {run:#?}");
}

/// Runs a command in another process that tells how much it held at most, in KiB. What is
/// measured of a process includes what its parent held when it started it: a small one.
fn measured(command: &Command) -> (Run, u64) {
    const SCRIPT: &str = "\
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], 'w') as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)";
    let folder = tempfile::tempdir().expect("create a directory");
    let file = folder.path().join("peak");
    let mut outer = Command::new("python3");
    outer.args(["-c", SCRIPT]).arg(&file).arg(command.get_program()).args(command.get_args());
    outer.env_clear().stdin(Stdio::null());
    outer.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    outer.current_dir(command.get_current_dir().expect("it is run somewhere"));
    let run = run(&mut outer);
    let peak = std::fs::read_to_string(file).expect("python3 tells the peak");
    (run, peak.parse().expect("a number"))
}
