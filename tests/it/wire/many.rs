//! A services-root of some hundred services that are registered and pinned.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::git::command;
use crate::support::pinrail::Run;
use crate::support::root::{Root, pin_file};

/// What tells a pin's bytes from those of any other: so much cannot be packed away.
pub const ENTROPY: usize = 20;

/// A services-root with so many other services in each of so many domains, `services` the
/// first of them, and the length of all that was pinned there.
pub fn many(domains: usize, services: usize) -> (Root, u64) {
    let names: Vec<String> = (0..domains).map(domain).collect();
    let list: String = names.iter().fold(String::new(), |mut list, name| {
        let _ = writeln!(list, "  - {{name: {name}, registration: request}}");
        list
    });
    // A first pin is let into the first domain without a request.
    let list = list.replacen(", registration: request", "", 1);
    let config = format!(
        "version: 1\n\
         services:\n  repository: https://git.example.com/${{{{ domain }}}}/${{{{ service }}}}.git\n\
         domains:\n{list}\
         environments:\n  - {{name: staging, cluster: shared, mode: direct}}\n"
    );
    let root = Root::with(&config, &[]);
    let mut stream = String::from(
        "commit refs/heads/main\ncommitter Else <else@example.com> 1700000000 +0000\n\
         data 5\nmany\nfrom refs/heads/main^0\n",
    );
    let mut length = 0;
    for domain in &names {
        for number in 0..services {
            let service = service(domain, number);
            let pin = pin_file("shared", &service, "1", &unlike(&service));
            length += pin.len() as u64;
            for (path, text) in [
                (format!("services/{domain}/{service}.yaml"), format!("# {service}\n")),
                (format!("envs/staging/{domain}/{service}.json"), pin),
            ] {
                let _ = write!(stream, "M 100644 inline {path}\ndata {}\n{text}\n", text.len());
            }
        }
    }
    let mut import = command(&root.repo(), &["fast-import", "--quiet", "--date-format=raw"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("start git fast-import");
    let mut input = import.stdin.take().expect("its input is a pipe");
    input.write_all(stream.as_bytes()).expect("hand the services to git");
    drop(input);
    assert!(import.wait().expect("wait for git").success());
    (root, length)
}

/// A domain's name.
fn domain(number: usize) -> String {
    if number == 0 { "services".to_owned() } else { format!("domain-{number:02}") }
}

/// The name of one of the services of a domain.
pub fn service(domain: &str, number: usize) -> String {
    format!("{domain}-{number:03}")
}

/// What of a pin is different from service to service, as its revision is.
fn unlike(service: &str) -> Value {
    // <https://en.wikipedia.org/wiki/Fowler-Noll-Vo_hash_function>
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    let mut digits = String::new();
    while digits.len() < 2 * ENTROPY {
        for byte in service.bytes() {
            hash = (hash ^ u128::from(byte)).wrapping_mul((1 << 88) + 0x13b);
        }
        let _ = write!(digits, "{hash:032x}");
    }
    json!({ "targetRevision": &digits[..2 * ENTROPY] })
}

/// A number of the document's `traffic`.
#[track_caller]
pub fn traffic(run: &Run, field: &str) -> u64 {
    let document = run.document();
    document["traffic"][field].as_u64().unwrap_or_else(|| panic!("no `{field}`: {run:#?}"))
}

/// The arguments of one pin with other words, for people.
pub fn for_people(json: &Command) -> Command {
    let mut command = Command::new(json.get_program());
    command.args(json.get_args().filter(|argument| *argument != "--json")).env_clear();
    command.envs(json.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.current_dir(json.get_current_dir().expect("it is run somewhere")).stdin(Stdio::null());
    command
}
