//! What a promotion or a rollback would change, decided on snapshots alone.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cause::Cause;
use super::environment::Environment;
use super::gate::{self, Gate, Judge, Judgement, Override, Overrides, Way};
use super::lock::Lock;
use super::name::{DomainName, EnvironmentName, ServiceName};
use super::pin::Pin;
use super::problem::Problem;
use super::registry::Root;
use super::tree::ReadError;

/// One service in one environment, and where it would go.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    pub service: ServiceName,
    pub domain: DomainName,
    pub environment: EnvironmentName,
    /// The pin that is there now.
    pub from: Option<Pin>,
    /// The pin that is to be there.
    pub to: Option<Pin>,
    pub verdict: Verdict,
    /// What each rule said.
    pub judgements: Vec<Judgement>,
    /// What it carries to be let past gates.
    pub carries: Option<Override>,
}

impl Move {
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.verdict, Verdict::Refused(_))
    }

    /// Whether what is there stays, though something else was wanted.
    #[must_use]
    pub fn stays(&self) -> bool {
        matches!(self.verdict, Verdict::Waits(_) | Verdict::Refused(_))
    }
}

/// Whether a move may go.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Go,
    /// It is there already.
    Unchanged,
    /// It goes once the waves before have it for long enough.
    Waits(Cause),
    Refused(Cause),
}

impl Pin {
    /// This version for another environment: its cluster, and the unknown keys of the pin
    /// that is replaced there.
    #[must_use]
    pub fn promoted_to(&self, environment: &Environment, replaced: Option<&Self>) -> Self {
        let mut pin = Self::new(
            environment.cluster.clone(),
            self.service.clone(),
            self.image_tag.clone(),
            self.target_revision.clone(),
        );
        pin.image_digest.clone_from(&self.image_digest);
        pin.keep_source(self);
        pin.sequence = self.sequence;
        match replaced {
            Some(replaced) => pin.with_unknown_keys_of(replaced),
            None => pin,
        }
    }
}

/// Plans to copy a version of these services from each target's `from` into the target: the
/// newest that its gates let in.
///
/// # Errors
/// A tree that cannot be read.
pub fn promote(
    judge: &Judge<'_>,
    targets: &[&Environment],
    services: &BTreeMap<ServiceName, DomainName>,
    overrides: &Overrides,
) -> Result<Vec<Move>, ReadError> {
    let root = judge.root;
    let source = |target: &Environment| root.config.environment(target.from.as_ref()?.as_str());
    let mut sought = Vec::new();
    for target in targets {
        for (service, domain) in services {
            sought.extend(source(target).map(|source| (source, service, Some(domain))));
            sought.push((*target, service, Some(domain)));
        }
    }
    root.prepare(&sought)?;
    let mut moves = Vec::new();
    for target in targets {
        // Whoever goes to a whole group need not be told off for its order.
        let follows = targets.iter().any(|other| gate::goes_before(other, target));
        for (service, domain) in services {
            let (there, wrong) = match gate::pin(root, target, domain, service)? {
                Ok(there) => (there, None),
                Err(cause) => (None, Some(cause)),
            };
            let now = match source(target) {
                None => Err(Cause::NoSource),
                Some(source) => match gate::pin(root, source, domain, service)? {
                    Err(cause) => Err(cause),
                    Ok(None) => Err(Cause::NotInSource { source: source.name.clone() }),
                    Ok(Some(pin)) => Ok(pin),
                },
            };
            let way = Way { target, domain, service, there: there.as_ref() };
            let decided = match (wrong, now) {
                (Some(cause), _) | (None, Err(cause)) => Decided::refused(None, cause),
                (None, Ok(now)) => decide(judge, &way, &now, overrides, follows)?,
            };
            moves.push(decided.into_move(service, domain, target, there));
        }
    }
    Ok(moves)
}

/// What was decided on one service in one environment.
struct Decided {
    to: Option<Pin>,
    verdict: Verdict,
    judgements: Vec<Judgement>,
    carries: Option<Override>,
}

impl Decided {
    fn refused(to: Option<Pin>, cause: Cause) -> Self {
        let verdict = Verdict::Refused(cause);
        Self { to, verdict, judgements: Vec::new(), carries: None }
    }

    fn unchanged(there: Option<&Pin>) -> Self {
        let (to, verdict) = (there.cloned(), Verdict::Unchanged);
        Self { to, verdict, judgements: Vec::new(), carries: None }
    }

    fn into_move(
        self,
        service: &ServiceName,
        domain: &DomainName,
        target: &Environment,
        from: Option<Pin>,
    ) -> Move {
        let Self { to, verdict, judgements, carries } = self;
        Move {
            service: service.clone(),
            domain: domain.clone(),
            environment: target.name.clone(),
            from,
            to,
            verdict,
            judgements,
            carries,
        }
    }
}

/// Decides which version goes, and whether it may: what is there already needs no right to go,
/// and what `follows` the waves that go with it waits for them.
fn decide(
    judge: &Judge<'_>,
    way: &Way<'_>,
    now: &Pin,
    overrides: &Overrides,
    follows: bool,
) -> Result<Decided, ReadError> {
    let is_there = |pin: &Pin| way.there.is_some_and(|there| there.same_version(pin));
    let newest = now.promoted_to(way.target, way.there);
    if is_there(&newest) {
        return Ok(Decided::unchanged(way.there));
    }
    let refused = |cause| Ok(Decided::refused(Some(newest.clone()), cause));
    let moment = judge.evidence.now();
    let gates = match overrides.of(way, &newest, moment) {
        Ok(carries) => carries.map(|carries| carries.gates).unwrap_or_default(),
        Err(cause) => return refused(cause),
    };
    let to = match judge.newest(way, now, &gates) {
        Ok(chosen) => chosen.map(|pin| pin.promoted_to(way.target, way.there)),
        Err(cause) => return refused(cause),
    };
    let Some(to) = to.filter(|to| !is_there(to)) else {
        return Ok(Decided::unchanged(way.there));
    };
    let carries = match overrides.of(way, &to, moment) {
        Ok(carries) => carries,
        Err(cause) => return refused(cause),
    };
    let overridden = carries.as_ref().map_or(&[][..], |carries| &carries.gates);
    let judgements = judge.version(way, &to, overridden)?;
    let verdict = match gate::refusal(&judgements) {
        None => Verdict::Go,
        Some((Gate::Wave, cause)) if follows => Verdict::Waits(cause.clone()),
        Some((_, cause)) => Verdict::Refused(cause.clone()),
    };
    Ok(Decided { to: Some(to), verdict, judgements, carries })
}

impl Root<'_> {
    /// The lock that holds a service in an environment now, its own or the environment's.
    ///
    /// # Errors
    /// A tree that cannot be read. A lock that is not valid is an inner error, as nobody
    /// can say whether it holds.
    pub fn lock(
        &self,
        environment: &EnvironmentName,
        service: &ServiceName,
        now: Timestamp,
    ) -> Result<Result<Option<Lock>, Problem>, ReadError> {
        use super::layout;
        for path in
            [layout::environment_lock(environment), layout::service_lock(environment, service)]
        {
            let Some(bytes) = self.pins.read(&path)? else { continue };
            match Lock::parse(&bytes) {
                Err(error) => return Ok(Err(Problem::error("lock", &path, error))),
                Ok(lock) if lock.holds(now) => return Ok(Ok(Some(lock))),
                Ok(_) => {}
            }
        }
        Ok(Ok(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::config::Config;
    use crate::domain::gate::testing::Told;
    use crate::domain::tree::testing::MemoryFiles;

    const CONFIG: &str = "version: 1\nenvironments:\n  - {name: staging, cluster: shared, mode: direct}\n  - {name: eu, group: production, cluster: eu-1, from: staging, mode: request}\n  - {name: us, group: production, cluster: us-1, from: staging, mode: request}\n";

    fn pin(cluster: &str, service: &str, tag: &str, more: &str) -> String {
        format!(
            "{{\"cluster\": \"{cluster}\", \"service\": \"{service}\", \"imageTag\": \"{tag}\", \"targetRevision\": \"{}\"{more}}}",
            "a".repeat(40)
        )
    }

    fn plan(files: &MemoryFiles, services: &[&str]) -> Vec<Move> {
        let config = Config::parse(CONFIG.as_bytes()).expect("config");
        let root = Root { config: &config, main: files, pins: files };
        let targets: Vec<_> =
            config.environments.iter().filter(|environment| environment.group.is_some()).collect();
        let domain: DomainName = "services".parse().expect("name");
        let services =
            services.iter().map(|name| (name.parse().expect("name"), domain.clone())).collect();
        let now = "2026-11-21T12:00:00Z".parse().expect("time");
        let evidence = Told { now, landings: None };
        let judge = Judge { root: &root, evidence: &evidence };
        promote(&judge, &targets, &services, &Overrides::default()).expect("readable")
    }

    fn verdicts(moves: &[Move]) -> Vec<&Verdict> {
        moves.iter().map(|step| &step.verdict).collect()
    }

    #[test]
    fn a_promotion_copies_the_version_and_neither_cluster_nor_unknown_keys() {
        let files = MemoryFiles::default()
            .with(
                "envs/staging/services/api.json",
                &pin("shared", "api", "2", ", \"sequence\": 7, \"note\": 1"),
            )
            .with("envs/eu/services/api.json", &pin("eu-1", "api", "1", ", \"own\": 2"));
        let moves = plan(&files, &["api"]);
        assert_eq!(verdicts(&moves), [&Verdict::Go, &Verdict::Go]);
        let to = moves[0].to.as_ref().expect("a pin");
        assert_eq!(
            (to.cluster.as_str(), to.image_tag.as_str(), to.sequence),
            ("eu-1", "2", Some(7))
        );
        assert_eq!(to.unknown_keys().collect::<Vec<_>>(), ["own"]);
        assert_eq!(moves[1].to.as_ref().expect("a pin").unknown_keys().count(), 0);
    }

    #[test]
    fn each_move_has_its_own_typed_cause() {
        let files = MemoryFiles::default()
            .with("envs/staging/services/api.json", &pin("shared", "api", "1", ""))
            .with("envs/eu/services/api.json", &pin("eu-1", "api", "1", ""))
            .with("envs/eu/services/far.json", &pin("eu-1", "far", "1", ""))
            .with("envs/staging/services/bad.json", "{}");
        let moves = plan(&files, &["api", "bad", "far"]);
        let source = "staging".parse().expect("name");
        assert_eq!(moves[0].verdict, Verdict::Unchanged);
        assert!(matches!(&moves[1].verdict, Verdict::Refused(Cause::InvalidPin { .. })));
        assert_eq!(moves[2].verdict, Verdict::Refused(Cause::NotInSource { source }));
        assert_eq!(moves[3].verdict, Verdict::Go);
    }

    #[test]
    fn a_lock_holds_until_it_ends_and_not_what_is_there_already() {
        let lock = |until: &str| {
            format!("{{\"reason\": \"incident\", \"owner\": \"anna\", \"until\": \"{until}\"}}")
        };
        let files = MemoryFiles::default()
            .with("envs/staging/services/api.json", &pin("shared", "api", "2", ""))
            .with("envs/us/services/api.json", &pin("us-1", "api", "2", ""))
            .with("locks/us.json", &lock("2026-11-21T12:00:01Z"));
        let held = files.clone().with("locks/eu/api.json", &lock("2026-11-21T12:00:01Z"));
        let moves = plan(&held, &["api"]);
        assert!(
            matches!(&moves[0].verdict, Verdict::Refused(Cause::Locked { owner, .. }) if owner == "anna")
        );
        assert_eq!(moves[1].verdict, Verdict::Unchanged);
        let over = files.clone().with("locks/eu/api.json", &lock("2026-11-21T12:00:00Z"));
        assert_eq!(plan(&over, &["api"])[0].verdict, Verdict::Go);
        let broken = files.with("locks/eu/api.json", "{}");
        assert!(matches!(&plan(&broken, &["api"])[0].verdict, Verdict::Refused(_)));
    }
}
