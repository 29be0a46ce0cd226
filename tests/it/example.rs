//! The worked example is sound, and written as Pinrail writes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pinrail::domain::check::check;
use pinrail::domain::config::Config;
use pinrail::domain::layout::{self, Place};
use pinrail::domain::pin::Pin;
use pinrail::domain::registry::Root;
use pinrail::domain::tree::{Files, files_below};
use pinrail::store::WorkTree;

struct Example {
    config: Config,
    files: WorkTree,
}

impl Example {
    fn read() -> Example {
        let files = WorkTree::new(&folder());
        let text = files.read(layout::CONFIG).expect("read the configuration");
        let mut config = Config::parse(&text.expect("it is there")).expect("it is valid");
        // The folder shows every branch at once.
        config.branches.pins = Some(config.main_branch());
        Example { config, files }
    }

    fn root(&self) -> Root<'_> {
        Root { config: &self.config, main: &self.files, pins: &self.files }
    }

    /// Every pin, with its path and what the path says.
    fn pins(&self) -> Vec<(String, Place, Pin)> {
        let paths = files_below(&self.files, layout::ENVS).expect("list the pins");
        let pins = paths.into_iter().map(|path| {
            let place = layout::place(&path).expect("the path is a pin's");
            let pin =
                Pin::parse(&self.bytes(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            (path, place, pin)
        });
        pins.collect()
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        let bytes = self.files.read(path).expect("read a file");
        bytes.expect("the file is there")
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/services-root")
}

#[test]
fn the_example_has_no_problems() {
    let problems = check(&Example::read().root()).expect("read the example");
    assert_eq!(problems, []);
}

#[test]
fn every_service_of_the_example_is_in_staging() {
    let example = Example::read();
    let root = example.root();
    let staging = example.config.environment("staging").expect("staging");
    let services = root.services().expect("list the services");
    assert_eq!(services.len(), 8);
    for (service, domain) in services {
        let pin = root.pin(staging, &domain, &service);
        assert!(pin.expect("a valid pin").is_some(), "{service}");
    }
}

#[test]
fn the_pins_of_the_example_are_written_as_pinrail_writes_them() {
    let example = Example::read();
    for (path, _, pin) in example.pins() {
        let text = |bytes| String::from_utf8(bytes).expect("the pin is UTF-8");
        assert_eq!(text(pin.to_bytes()), text(example.bytes(&path)), "{path}");
    }
}

#[test]
fn the_pins_of_the_example_carry_what_the_registry_says() {
    let example = Example::read();
    for (path, place, pin) in example.pins() {
        let Place::Pin { domain, service, .. } = place else { panic!("{path} is no pin's path") };
        let facts = example.root().facts(&domain, &service);
        let facts = facts.expect("read the registry").unwrap_or_default();
        let mut expected = pin.clone();
        facts.apply_to(&mut expected, &example.config, &domain).expect("the defaults fit");
        assert_eq!(pin, expected, "{path}");
    }
}

#[test]
fn a_version_of_the_example_is_the_same_wherever_it_was_promoted() {
    let mut versions: HashMap<_, Pin> = HashMap::new();
    for (path, _, pin) in Example::read().pins() {
        let key = (pin.service.clone(), pin.target_revision.clone());
        let first = versions.entry(key).or_insert_with(|| pin.clone());
        let mut promoted = pin;
        promoted.cluster.clone_from(&first.cluster);
        assert_eq!(promoted, *first, "{path}");
    }
}
