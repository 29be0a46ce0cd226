//! A line of automation that never sleeps, and people who roll back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::testing::Told;
use super::{Judge, Landing, Overrides};
use crate::domain::config::Config;
use crate::domain::environment::Environment;
use crate::domain::judge::{Judgement, Sequence, judge};
use crate::domain::layout;
use crate::domain::lock::Lock;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::promotion::{Verdict, promote};
use crate::domain::registry::Root;
use crate::domain::rollback::way_back;
use crate::domain::tree::testing::MemoryFiles;

const CONFIG: &str = "version: 1\nenvironments:\n  - {name: staging, cluster: shared, mode: direct}\n  - {name: eu, cluster: eu-1, from: staging, mode: direct, gates: {soak: 10m}}\n";
const SERVICES: [&str; 2] = ["api", "web"];

/// One step of the line; a service is an index into `SERVICES`.
#[derive(Clone, Debug)]
enum Step {
    /// A new pipeline pins its version in staging.
    Pin {
        service: usize,
    },
    /// An older pipeline is run again.
    PinAgain {
        service: usize,
        pipeline: prop::sample::Index,
    },
    /// Whatever may go into eu goes.
    Promote,
    /// Somebody goes back, and a lock is set that nobody removes.
    RollBack {
        environment: &'static str,
        service: usize,
    },
    Wait {
        minutes: i64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let service = 0..SERVICES.len();
    prop_oneof![
        6 => service.clone().prop_map(|service| Step::Pin { service }),
        2 => (service.clone(), any::<prop::sample::Index>())
            .prop_map(|(service, pipeline)| Step::PinAgain { service, pipeline }),
        4 => Just(Step::Promote),
        1 => (prop_oneof![3 => Just("eu"), 1 => Just("staging")], service)
            .prop_map(|(environment, service)| Step::RollBack { environment, service }),
        6 => (1..15_i64).prop_map(|minutes| Step::Wait { minutes }),
    ]
}

/// What was there before somebody rolled back, and what is there since.
struct Held {
    brought: Pin,
    left: BTreeSet<String>,
}

struct Line {
    config: Config,
    files: MemoryFiles,
    landings: BTreeMap<(EnvironmentName, ServiceName), Vec<Landing>>,
    held: BTreeMap<(EnvironmentName, ServiceName), Held>,
    pipelines: u64,
    now: Timestamp,
}

impl Line {
    fn new() -> Self {
        Self {
            config: Config::parse(CONFIG.as_bytes()).expect("a configuration"),
            files: MemoryFiles::default(),
            landings: BTreeMap::new(),
            held: BTreeMap::new(),
            pipelines: 0,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn run(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut line = Self::new();
        for step in steps {
            line.go(&step);
            line.holds(&step);
        }
        line
    }

    fn go(&mut self, step: &Step) {
        match step {
            Step::Pin { service } => {
                self.pipelines += 1;
                self.pin(*service, self.pipelines);
            }
            Step::PinAgain { service, pipeline } => {
                let earlier: Vec<u64> = (1..=self.pipelines).collect();
                if !earlier.is_empty() {
                    self.pin(*service, *pipeline.get(&earlier));
                }
            }
            Step::Promote => self.promote(),
            Step::RollBack { environment, service } => self.roll_back(environment, *service),
            Step::Wait { minutes } => self.now += SignedDuration::from_mins(*minutes),
        }
    }

    fn environment(&self, name: &str) -> Environment {
        self.config.environment(name).expect("an environment").clone()
    }

    fn there(&self, environment: &str, service: &ServiceName) -> Option<Pin> {
        let root = Root { config: &self.config, main: &self.files, pins: &self.files };
        root.pin(&self.environment(environment), &domain(), service).expect("a pin or none")
    }

    fn is_locked(&self, environment: &Environment, service: &ServiceName) -> bool {
        let root = Root { config: &self.config, main: &self.files, pins: &self.files };
        let lock = root.lock(&environment.name, service, self.now).expect("files");
        lock.expect("a lock or none").is_some()
    }

    fn land(&mut self, environment: &Environment, pin: Pin) {
        let path = layout::pin(&environment.name, &domain(), &pin.service);
        self.files.0.insert(path, pin.to_bytes());
        let key = (environment.name.clone(), pin.service.clone());
        let landing = Landing { pin: Some(pin), at: self.now };
        self.landings.entry(key).or_default().push(landing);
    }

    fn pin(&mut self, service: usize, pipeline: u64) {
        let staging = self.environment("staging");
        let wanted = Pin::new(
            staging.cluster.clone(),
            name(service),
            pipeline.to_string().parse().expect("a tag"),
            "a".repeat(40).parse().expect("a revision"),
        );
        let current = self.there("staging", &wanted.service);
        let current = current.as_ref();
        let verdict = judge(current, current, &wanted, Sequence::Number(pipeline), None);
        if let Judgement::Write(pin) = verdict
            && !self.is_locked(&staging, &pin.service)
        {
            self.land(&staging, *pin);
        }
    }

    fn promote(&mut self) {
        let eu = self.environment("eu");
        let root = Root { config: &self.config, main: &self.files, pins: &self.files };
        let services = (0..SERVICES.len()).map(|service| (name(service), domain())).collect();
        let evidence = Told { now: self.now, landings: Some(self.landings.clone()) };
        let judge = Judge { root: &root, evidence: &evidence };
        let moves = promote(&judge, &[&eu], &services, &Overrides::default()).expect("files");
        for step in moves {
            let key = ("staging".parse().expect("a name"), step.service.clone());
            if let (Some(pin), Verdict::Go) = (step.to, step.verdict) {
                let left = self.held.get(&key).is_some_and(|held| held.has_left(&pin));
                assert!(!left, "{} was left in staging", pin.image_tag);
                self.land(&eu, pin);
            }
        }
    }

    fn roll_back(&mut self, environment: &str, service: usize) {
        let environment = self.environment(environment);
        let key = (environment.name.clone(), name(service));
        let landings = self.landings.get(&key).cloned().unwrap_or_default();
        let way = way_back(landings.iter().map(|landing| landing.pin.as_ref()));
        // The same rollback again leads to where it led before.
        let Some(before) = way.before.filter(|_| !self.held.contains_key(&key)) else { return };
        let left = self.there(environment.name.as_str(), &key.1).expect("what is left");
        self.land(&environment, before.promoted_to(&environment, Some(&left)));
        let lock = Lock { reason: "went back".into(), owner: "anna".into(), until: None };
        self.files.0.insert(layout::service_lock(&environment.name, &key.1), lock.to_bytes());
        let left = BTreeSet::from([left.image_tag.to_string()]);
        self.held.insert(key, Held { brought: before.clone(), left });
    }

    /// What was brought by going back is there, whatever came after.
    fn holds(&self, step: &Step) {
        for ((environment, service), held) in &self.held {
            let there = self.there(environment.as_str(), service).expect("a pin");
            assert!(there.same_version(&held.brought), "{step:?} undid {service} in {environment}");
        }
    }

    fn tag(&self, environment: &str) -> Option<String> {
        self.there(environment, &name(0)).map(|pin| pin.image_tag.to_string())
    }
}

impl Held {
    fn has_left(&self, pin: &Pin) -> bool {
        self.left.contains(pin.image_tag.as_str())
    }
}

fn name(service: usize) -> ServiceName {
    SERVICES[service].parse().expect("a name")
}

fn domain() -> DomainName {
    "services".parse().expect("a name")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_automation_undoes_a_rollback_under_lock(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        Line::run(steps);
    }
}

#[test]
fn it_is_the_lock_that_holds_what_was_brought_by_going_back() {
    let pin = || Step::Pin { service: 0 };
    let wait = |minutes| Step::Wait { minutes };
    let mut line = Line::run([pin(), wait(9), Step::Promote]);
    assert_eq!(line.tag("eu"), None);
    line.go(&wait(1));
    line.go(&Step::Promote);
    assert_eq!(line.tag("eu").as_deref(), Some("1"));
    for step in [pin(), wait(5), pin(), wait(5), Step::Promote] {
        line.go(&step);
    }
    // The third has not soaked; the second has, although it is not live in staging any more.
    assert_eq!(line.tag("eu").as_deref(), Some("2"));
    let back = Step::RollBack { environment: "eu", service: 0 };
    for step in [back, wait(60), Step::Promote, pin(), wait(60), Step::Promote] {
        line.go(&step);
        line.holds(&step);
    }
    assert_eq!(line.tag("eu").as_deref(), Some("1"));
    line.files.0.remove("locks/eu/api.json").expect("the lock");
    line.go(&Step::Promote);
    assert_eq!(line.tag("eu").as_deref(), Some("4"));
}
