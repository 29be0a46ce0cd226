//! That a text fits and stays whole, whatever it is about.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::pin::Pin;
use crate::domain::registry::RootError;
use crate::domain::request::RequestName;
use crate::domain::tree::testing::MemoryFiles;

const REVISION: &str = "5a1c9a7e2f0b4d6e8c0a1b2c3d4e5f60718293a4";

fn page(files: &MemoryFiles, facts: &Facts, limit: usize) -> Result<Page, String> {
    let page = Templates::read(files).and_then(|templates| templates.page(facts, limit));
    page.map_err(|error| match error {
        RootError::Invalid(problem) => {
            format!("{problem} ({})", problem.hint.as_deref().unwrap_or_default())
        }
        RootError::Read(error) => error.to_string(),
    })
}

/// What people write, with all that could end something around it.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z ]{0,30}",
        "(<details>|</details>|<!-- pinrail:end -->|<!-- pinrail:begin|\n|\\| |```|> |\\PC|\\p{C}){0,12}",
        "\\PC{0,200}",
    ]
}

fn url() -> impl Strategy<Value = String> {
    prop_oneof!["https://[a-z]{1,20}\\.example/[a-z|()\\\\`?&=\n]{0,900}", anything()]
}

fn pin() -> impl Strategy<Value = Pin> {
    let tag = prop_oneof!["[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", Just(REVISION.to_owned())];
    ("[a-z]([a-z0-9-]{0,38}[a-z0-9])?", tag, "[0-9a-f]{40}").prop_map(|(name, tag, revision)| {
        let service = name.parse().expect("a name");
        let (tag, revision) = (tag.parse().expect("a tag"), revision.parse().expect("a revision"));
        Pin::new("eu-1".parse().expect("a name"), service, tag, revision)
    })
}

fn link() -> impl Strategy<Value = Link> {
    (anything(), url()).prop_map(|(name, url)| Link { name, url })
}

fn commit() -> impl Strategy<Value = Commit> {
    let texts = (anything(), anything(), anything());
    (texts, prop::option::of(url()), vec(link(), 0..3)).prop_map(
        |((id, subject, author), url, requests)| Commit { id, subject, author, url, requests },
    )
}

fn history() -> impl Strategy<Value = History> {
    let known =
        (vec(commit(), 0..15), 0..300_usize, 0..3_usize).prop_map(|(commits, more, behind)| {
            History::Known { total: commits.len() + more, commits, behind }
        });
    prop_oneof![4 => known, 1 => anything().prop_map(|why| History::Unknown { why })]
}

/// A pin that changes, and the way that it goes.
fn change() -> impl Strategy<Value = (PinChange, Option<Way>)> {
    let pins = (prop::option::of(pin()), pin(), "production-[a-z]{1,9}");
    let links = (prop::option::of(url()), vec(link(), 0..4), prop::option::of(url()));
    (pins, links, prop::option::of(history())).prop_map(
        |((from, to, environment), (host, links, compare), history)| {
            let environment: crate::domain::name::EnvironmentName =
                environment.parse().expect("a name");
            let way = history.map(|history| Way {
                service: to.service.clone(),
                environments: vec![environment.clone()],
                compare,
                history,
            });
            let domain = "services".parse().expect("a name");
            (PinChange { domain, environment, host, from, to, links }, way)
        },
    )
}

fn facts() -> impl Strategy<Value = Facts> {
    let intent = prop::sample::select(vec![Intent::Promote, Intent::RollBack, Intent::Pin]);
    let state = prop::sample::select(vec![
        VerdictState::Passed,
        VerdictState::Waits,
        VerdictState::Overridden,
        VerdictState::Refused,
    ]);
    let verdict = (anything(), state, anything()).prop_map(|(rule, state, sentence)| Verdict {
        rule,
        state,
        sentence,
    });
    let stay = (pin(), anything()).prop_map(|(pin, sentence)| Stay {
        service: pin.service,
        environment: "production".parse().expect("a name"),
        sentence,
    });
    let told =
        (prop::option::of(anything()), prop::option::of(url()), prop::option::of(anything()));
    let changes = prop_oneof![vec(change(), 0..3), vec(change(), 0..20)];
    (intent, told, changes, vec(verdict, 0..20), vec(stay, 0..30)).prop_map(
        |(intent, (project, run, asked_by), changes, verdicts, stays)| {
            let (pins, ways): (Vec<_>, Vec<_>) = changes.into_iter().unzip();
            Facts {
                intent,
                request: RequestName::Train { target: "production".parse().expect("a name") },
                head: REVISION.parse().expect("a revision"),
                project,
                run,
                asked_by,
                pins,
                ways: ways.into_iter().flatten().collect(),
                verdicts,
                stays,
            }
        },
    )
}

/// What is wrong with the form of a body.
fn broken(body: &str) -> Option<String> {
    let count = |text: &str| body.matches(text).count();
    let framed =
        body.starts_with("<!-- pinrail:begin head=") && body.ends_with("<!-- pinrail:end -->\n");
    if !framed || count("<!-- pinrail:") != 2 {
        return Some("it is not between its markers".to_owned());
    }
    if count("<details>") != count("</details>") || count("```") != 2 {
        return Some("something is not closed".to_owned());
    }
    if !body.contains("\n\n---\n\n**Approve**") {
        return Some("it does not end with what one can do".to_owned());
    }
    let lines: Vec<&str> = body.lines().collect();
    for (line, before) in lines.iter().skip(1).zip(&lines) {
        let columns = |line: &str| line.starts_with('|').then(|| line.matches('|').count());
        let is_torn =
            columns(line) != columns(before) && columns(line).is_some() && !before.is_empty();
        if is_torn || columns(line).is_some() && !line.ends_with('|') {
            return Some(format!("a row is torn: {line}"));
        }
        let is_quick_action = line.starts_with('/');
        let is_open = line.starts_with("<details>") && !line.ends_with("</summary>");
        if is_quick_action || is_open || line.contains("   ") {
            return Some(format!("a line is not as it should be: {line}"));
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_request_fits_and_is_whole(facts in facts(), limit in prop_oneof![4_000..20_000_usize, Just(65_536)]) {
        let page = page(&MemoryFiles::default(), &facts, limit).expect("a page");
        prop_assert!(page.body.chars().count() <= limit);
        prop_assert_eq!(broken(&page.body), None, "{}", page.body);
        prop_assert_eq!(head_of(&page.body), Some(facts.head));
        prop_assert!(page.title.chars().count() <= 255 && !page.title.contains('\n'), "{}", page.title);
    }
}

#[test]
fn a_torn_text_is_found() {
    let facts = sample();
    let body = page(&MemoryFiles::default(), &facts, 65_536).expect("a page").body;
    assert_eq!(broken(&body), None);
    for (text, torn) in [
        ("</details>", ""),
        ("<!-- pinrail:end -->", ""),
        (" on eu-1 |", " on eu-1"),
        ("\n---\n", "---\n"),
        ("```sh", ""),
    ] {
        assert!(body.contains(text), "{text}: {body}");
        assert!(broken(&body.replacen(text, torn, 1)).is_some(), "{text}");
    }
}

/// A request with eleven commits.
fn sample() -> Facts {
    let pin = |tag: &str, revision: &str| {
        let name = |text: &str| text.parse().expect("a name");
        let service = "api".parse().expect("a name");
        Pin::new(
            name("eu-1"),
            service,
            tag.parse().expect("a tag"),
            revision.parse().expect("a revision"),
        )
    };
    let environment: crate::domain::name::EnvironmentName = "production".parse().expect("a name");
    let commit = |number: usize| Commit {
        id: REVISION.to_owned(),
        subject: format!("commit {number}"),
        author: "Anna".to_owned(),
        url: None,
        requests: Vec::new(),
    };
    Facts {
        intent: Intent::Promote,
        request: RequestName::Single {
            target: environment.clone(),
            service: "api".parse().expect("a name"),
        },
        head: REVISION.parse().expect("a revision"),
        project: None,
        run: None,
        asked_by: None,
        pins: vec![PinChange {
            domain: "services".parse().expect("a name"),
            environment: environment.clone(),
            host: None,
            from: Some(pin("1.3.0", &"0".repeat(40))),
            to: pin("1.4.0", REVISION),
            links: Vec::new(),
        }],
        ways: vec![Way {
            service: "api".parse().expect("a name"),
            environments: vec![environment],
            compare: None,
            history: History::Known {
                commits: (1..=11).map(commit).collect(),
                total: 225,
                behind: 0,
            },
        }],
        verdicts: Vec::new(),
        stays: Vec::new(),
    }
}

#[test]
fn the_title_says_what_is_asked_for() {
    let title = |facts: &Facts| page(&MemoryFiles::default(), facts, 65_536).expect("a page").title;
    let mut facts = sample();
    assert_eq!(title(&facts), "Promote api to production: 1.4.0");
    facts.intent = Intent::RollBack;
    assert_eq!(title(&facts), "Roll back api in production: 1.3.0 → 1.4.0");
    facts.intent = Intent::Pin;
    assert_eq!(title(&facts), "Pin api in production: 1.4.0");
    let mut other = facts.pins[0].clone();
    other.to.image_tag = REVISION.parse().expect("a tag");
    facts.pins.push(other.clone());
    assert_eq!(title(&facts), "Pin api in production");
    other.to.service = "web".parse().expect("a name");
    facts.pins.push(other);
    assert_eq!(title(&facts), "Pin 2 services in production");
    facts.intent = Intent::Promote;
    assert_eq!(title(&facts), "Promote 2 services to production");
}

#[test]
fn commits_go_first_and_are_counted() {
    let facts = sample();
    let body = |limit: usize| page(&MemoryFiles::default(), &facts, limit).expect("a page").body;
    let whole = body(65_536);
    assert!(whole.contains("commit 11 ") && whole.contains("… and 214 more"), "{whole}");
    let shorter = body(whole.chars().count() - 1);
    assert!(shorter.contains("commit 8 ") && shorter.contains("… and 217 more"), "{shorter}");
    let table = body(690);
    assert!(!table.contains("commit 1 ") && table.contains("| 225 commits |"), "{table}");
    let least = body(600);
    assert!(least.contains("\n1 pin would change.\n") && !least.contains("| 225"), "{least}");
}

#[test]
fn a_template_of_ones_own_gets_the_same_values_escaped_in_the_same_way() {
    let files = MemoryFiles::default()
        .with("templates/request-title.txt", "${{ services[0].name }}\n for ${{ askedBy }}\n")
        .with(
            "templates/request-body.md",
            "${% set who %}<b>${{ askedBy }}</b>${% endset %}${{ who }} ${{ ways[0].commits[0].subject }}",
        );
    let facts = Facts { asked_by: Some("@anna".to_owned()), ..sample() };
    let page = page(&files, &facts, 1_000).expect("a page");
    assert_eq!(page.title, "api for @\u{200B}anna");
    assert!(
        page.body.contains("\n\n<b>@&#x200B;anna</b> commit 1\n\n<!-- pinrail:end -->"),
        "{}",
        page.body
    );
}

#[test]
fn an_error_of_a_template_names_its_file_and_line() {
    let error = |path: &str, text: &str, limit: usize| {
        page(&MemoryFiles::default().with(path, text), &sample(), limit).expect_err("an error")
    };
    let (title, body) = ("templates/request-title.txt", "templates/request-body.md");
    let found = error(title, "\n${{ sevice }}", 9_000);
    assert!(found.starts_with("templates/request-title.txt:2: "), "{found}");
    assert!(
        found.ends_with("(`pinrail generate --template request-title` shows the built-in one)"),
        "{found}"
    );
    let found = error(body, "${% if %}", 9_000);
    assert!(found.starts_with("templates/request-body.md:1: "), "{found}");
    let found = error(body, &"x".repeat(5_000), 4_000);
    assert!(found.contains("5093 characters") && found.contains("4000 is the limit"), "{found}");
}
