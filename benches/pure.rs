//! What every pin, promotion and check computes, without a repository: nanoseconds each.
//!
//! `cargo bench --bench pure`, with a filter behind it if wanted.

use std::time::Duration;

use divan::{Bencher, black_box};
use jiff::Timestamp;
use pinrail::domain::config::Config;
use pinrail::domain::gate::{Landing, Soaked, newest_soaked, standing};
use pinrail::domain::gotemplate::GoTemplate;
use pinrail::domain::judge::{Sequence, judge};
use pinrail::domain::pin::Pin;
use pinrail::domain::template::Template;

const CONFIG: &[u8] = include_bytes!("../examples/services-root/pinrail.yaml");
const PIN: &[u8] = br#"{
  "cluster": "shared",
  "service": "python-example",
  "imageTag": "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514",
  "targetRevision": "a2a7d76d9f6af65f96fd46cc92bcee7f065d8514",
  "sequence": 7
}
"#;

fn main() {
    divan::main();
}

fn pin() -> Pin {
    Pin::parse(PIN).expect("a pin")
}

#[divan::bench]
fn read_a_pin() -> Pin {
    Pin::parse(black_box(PIN)).expect("a pin")
}

#[divan::bench]
fn write_a_pin(bencher: Bencher) {
    let pin = pin();
    bencher.bench(|| black_box(&pin).to_bytes());
}

#[divan::bench]
fn judge_a_pin(bencher: Bencher) {
    let (stored, mut wanted) = (pin(), pin());
    wanted.image_tag = "2.0.0".parse().expect("a tag");
    let stored = Some(&stored);
    bencher.bench(|| judge(stored, stored, black_box(&wanted), Sequence::Number(8), None));
}

#[divan::bench]
fn soak_over_10_000_landings(bencher: Bencher) {
    let landing = |at: i64| {
        let mut pin = pin();
        pin.image_tag = at.to_string().parse().expect("a tag");
        Landing { pin: Some(pin), at: Timestamp::from_second(at * 300).expect("a time") }
    };
    let landings: Vec<_> = (0..10_000).map(landing).collect();
    let (soak, now) = (Duration::from_secs(1800), landings[9_999].at);
    bencher.bench(|| {
        match newest_soaked(
            &standing(black_box(&landings), now),
            None,
            |one| one.soaked_at(soak),
            now,
        ) {
            Soaked::Go { pin, .. } => pin.clone(),
            other => panic!("one may go: {other:?}"),
        }
    });
}

#[divan::bench]
fn read_the_configuration() -> Config {
    Config::parse(black_box(CONFIG)).expect("a configuration")
}

#[divan::bench]
fn expand_a_host(bencher: Bencher) {
    let template: Template = "${{ service }}.staging.example.com".parse().expect("a template");
    let values = [("service", "python-example")];
    bencher.bench(|| template.expand(black_box(&values)).expect("a host"));
}

#[divan::bench]
fn render_a_go_template(bencher: Bencher) {
    let text = "{{ if hasKey .values \"pin\" }}{{ .values.pin | trunc 7 }}{{ else }}none{{ end }}";
    let template = GoTemplate::parse(text).expect("a template");
    let values = serde_json::json!({"values": {"pin": "A2A7D76D"}});
    let values = values.as_object().expect("an object");
    bencher.bench(|| template.render(black_box(values)).expect("a text"));
}
