//! The locks: well-formed, and of an environment that is there.

use super::pins;
use crate::domain::layout::{self, Place};
use crate::domain::lock::Lock;
use crate::domain::problem::Problem;
use crate::domain::registry::Root;
use crate::domain::tree::{ReadError, files_below};

pub fn check(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = Vec::new();
    for path in files_below(root.pins, layout::LOCKS)? {
        let Some(Place::EnvironmentLock(environment) | Place::ServiceLock { environment, .. }) =
            layout::place(&path)
        else {
            let what = "not `locks/<environment>.json` or `locks/<environment>/<service>.json`";
            problems.push(Problem::error("layout", &path, what));
            continue;
        };
        if root.config.environment(environment.as_str()).is_none() {
            problems.push(pins::unknown_environment(root, &path, &environment));
        }
        let bytes = root.pins.read(&path)?.unwrap_or_default();
        if let Err(error) = Lock::parse(&bytes) {
            problems.push(Problem::error("lock", &path, error));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use crate::domain::check::testing::{CONFIG, problems, sound};

    #[test]
    fn each_lock_is_well_formed_and_of_a_known_environment() {
        let lock = r#"{"reason": "incident 7", "owner": "@anna"}"#;
        let files = sound()
            .with("locks/staging.json", lock)
            .with("locks/production/ledger.json", lock)
            .with("locks/prod.json", lock)
            .with("locks/staging/api.json", "{}")
            .with("locks/note.txt", "");
        let lines = problems(CONFIG, &files);
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(
            lines
                .iter()
                .any(|line| line == "locks/prod.json: `prod` is no environment of `pinrail.yaml`")
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("locks/staging/api.json: missing field `reason`")),
            "{lines:#?}"
        );
        assert!(lines.iter().any(|line| line.starts_with("locks/note.txt: not `locks/")));
    }
}
