//! The overrides of gates: well-formed, and of an environment that is there.

use super::pins;
use crate::domain::gate::Override;
use crate::domain::layout::{self, Place};
use crate::domain::problem::Problem;
use crate::domain::registry::Root;
use crate::domain::tree::{Files, ReadError, files_below};

pub fn check(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = on_branch(root, root.main)?;
    if root.config.pins_branch() != root.config.main_branch() {
        problems.extend(on_branch(root, root.pins)?);
    }
    Ok(problems)
}

fn on_branch(root: &Root<'_>, files: &dyn Files) -> Result<Vec<Problem>, ReadError> {
    let mut problems = Vec::new();
    for path in files_below(files, layout::OVERRIDES)? {
        if path == layout::PLATFORM_OVERRIDE {
            continue;
        }
        let Some(Place::Override { environment, .. }) = layout::place(&path) else {
            let what = "not `overrides/<environment>/<service>.json`";
            problems.push(Problem::error("layout", &path, what));
            continue;
        };
        if root.config.environment(environment.as_str()).is_none() {
            problems.push(pins::unknown_environment(root, &path, &environment));
        }
        let bytes = files.read(&path)?.unwrap_or_default();
        if let Err(error) = Override::parse(&bytes) {
            problems.push(Problem::error("override", &path, error));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use crate::domain::check::testing::{CONFIG, problems, sound};

    #[test]
    fn each_override_is_well_formed_and_of_a_known_environment() {
        let told = |gates: &str| {
            format!(
                r#"{{"gates": [{gates}], "reason": "incident 7", "owner": "anna", "at": "2026-11-21T12:00:00Z", "imageTag": "1", "targetRevision": "{}"}}"#,
                "a".repeat(40)
            )
        };
        let files = sound()
            .with("overrides/production/ledger.json", &told(r#""soak", "freeze""#))
            .with("overrides/production/api.json", &told(r#""lock""#))
            .with("overrides/production/web.json", &told(""))
            .with("overrides/prod/api.json", &told(r#""soak""#))
            .with("overrides/note.txt", "");
        let lines = problems(CONFIG, &files);
        let expected = [
            "overrides/note.txt: not `overrides/<environment>/<service>.json`",
            "overrides/prod/api.json: `prod` is no environment of `pinrail.yaml`",
            "overrides/production/api.json: `lock` is not to be overridden",
            "overrides/production/web.json: `gates` is empty",
        ];
        assert_eq!(lines, expected);
    }
}
