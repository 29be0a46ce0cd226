//! What a promotion or a rollback would change, decided on snapshots alone.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cause::Cause;
use super::environment::Environment;
use super::lock::Lock;
use super::name::{DomainName, EnvironmentName, ServiceName};
use super::pin::Pin;
use super::problem::Problem;
use super::registry::{Root, RootError};

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
}

impl Move {
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self.verdict, Verdict::Refused(_))
    }
}

/// Whether a move may go.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Go,
    /// It is there already.
    Unchanged,
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

/// Plans to copy the pins of these services from each target's `from` into the target.
///
/// # Errors
/// A tree that cannot be read.
pub fn promote(
    root: &Root<'_>,
    targets: &[&Environment],
    services: &BTreeMap<ServiceName, DomainName>,
    now: Timestamp,
) -> Result<Vec<Move>, super::tree::ReadError> {
    let mut moves = Vec::new();
    let mut sought = Vec::new();
    for target in targets {
        let source = target.from.as_ref().and_then(|from| root.config.environment(from.as_str()));
        for (service, domain) in services {
            sought.extend(source.map(|source| (source, service, Some(domain))));
            sought.push((*target, service, Some(domain)));
        }
    }
    root.prepare(&sought)?;
    for target in targets {
        for (service, domain) in services {
            let current = pin(root, target, domain, service)?;
            let source =
                target.from.as_ref().and_then(|from| root.config.environment(from.as_str()));
            let wanted = match source {
                None => Err(Cause::NoSource),
                Some(source) => match pin(root, source, domain, service)? {
                    Err(cause) => Err(cause),
                    Ok(None) => Err(Cause::NotInSource { source: source.name.clone() }),
                    Ok(Some(pin)) => Ok(pin),
                },
            };
            let (from, wanted) = match (current, wanted) {
                (Ok(from), Ok(pin)) => {
                    let to = pin.promoted_to(target, from.as_ref());
                    (from, Ok(to))
                }
                (Ok(from), Err(cause)) => (from, Err(cause)),
                (Err(cause), _) => (None, Err(cause)),
            };
            moves.push(judged(root, target, domain, service, from, wanted, now)?);
        }
    }
    Ok(moves)
}

/// Puts a verdict on a move: what is there already needs no right to go.
pub(super) fn judged(
    root: &Root<'_>,
    target: &Environment,
    domain: &DomainName,
    service: &ServiceName,
    from: Option<Pin>,
    wanted: Result<Pin, Cause>,
    now: Timestamp,
) -> Result<Move, super::tree::ReadError> {
    let (to, verdict) = match wanted {
        Err(cause) => (None, Verdict::Refused(cause)),
        Ok(to) if from.as_ref().is_some_and(|there| there.same_version(&to)) => {
            (from.clone(), Verdict::Unchanged)
        }
        Ok(to) => match root.lock(&target.name, service, now)? {
            Ok(None) => (Some(to), Verdict::Go),
            Ok(Some(lock)) => (Some(to), Verdict::Refused(Cause::from(&lock))),
            Err(problem) => {
                (Some(to), Verdict::Refused(Cause::InvalidPin { problem: problem.to_string() }))
            }
        },
    };
    Ok(Move {
        service: service.clone(),
        domain: domain.clone(),
        environment: target.name.clone(),
        from,
        to,
        verdict,
    })
}

/// A pin, or why it cannot be dealt with.
pub(super) fn pin(
    root: &Root<'_>,
    environment: &Environment,
    domain: &DomainName,
    service: &ServiceName,
) -> Result<Result<Option<Pin>, Cause>, super::tree::ReadError> {
    match root.pin(environment, domain, service) {
        Ok(pin) => Ok(Ok(pin)),
        Err(RootError::Invalid(problem)) => {
            Ok(Err(Cause::InvalidPin { problem: problem.to_string() }))
        }
        Err(RootError::Read(error)) => Err(error),
    }
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
    ) -> Result<Result<Option<Lock>, Problem>, super::tree::ReadError> {
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
    use crate::domain::tree::testing::MemoryFiles;

    const CONFIG: &str = "version: 1\nenvironments:\n  - {name: staging, cluster: shared, mode: direct}\n  - {name: eu, group: production, cluster: eu-1, from: staging, mode: request}\n  - {name: us, group: production, cluster: us-1, from: staging, mode: request}\n";

    fn pin(cluster: &str, service: &str, tag: &str, more: &str) -> String {
        format!(
            "{{\"cluster\": \"{cluster}\", \"service\": \"{service}\", \"imageTag\": \"{tag}\", \"targetRevision\": \"{}\"{more}}}",
            "a".repeat(40)
        )
    }

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().expect("time")
    }

    fn plan(files: &MemoryFiles, services: &[&str]) -> Vec<Move> {
        let config = Config::parse(CONFIG.as_bytes()).expect("config");
        let root = Root { config: &config, main: files, pins: files };
        let targets: Vec<_> =
            config.environments.iter().filter(|environment| environment.group.is_some()).collect();
        let domain: DomainName = "services".parse().expect("name");
        let services =
            services.iter().map(|name| (name.parse().expect("name"), domain.clone())).collect();
        promote(&root, &targets, &services, now()).expect("readable")
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
