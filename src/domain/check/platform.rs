//! The rules of the platform team's values.

use super::super::layout;
use super::super::name::EnvironmentName;
use super::super::nearest::{did_you_mean, nearest};
use super::super::problem::Problem;
use super::super::registry::Root;
use super::super::tree::ReadError;
use super::super::values::check_platform;

pub fn check(root: &Root<'_>) -> Result<Vec<Problem>, ReadError> {
    let mut problems = Vec::new();
    if let Some(text) = root.main.read(layout::PLATFORM_VALUES)? {
        problems.extend(check_platform(layout::PLATFORM_VALUES, &text));
    }
    let known = || root.config.environments.iter().map(|environment| environment.name.as_str());
    for entry in root.main.list("platform-values")? {
        let path = format!("platform-values/{}", entry.name);
        let name = entry.name.strip_suffix(".yaml").unwrap_or(&entry.name);
        let environment: Option<EnvironmentName> = name.parse().ok();
        if entry.folder || environment.is_none_or(|name| path != layout::platform_values(&name)) {
            problems.push(
                Problem::error("platform", &path, "nobody reads this file").hint(
                    "the values of one environment stand in platform-values/<environment>.yaml",
                ),
            );
            continue;
        }
        if !known().any(|environment| environment == name) {
            let problem = format!("there is no environment `{name}`, so nobody reads this file");
            let hint = did_you_mean(&nearest(name, known()));
            problems.push(Problem { hint, ..Problem::error("platform", &path, problem) });
        }
        if let Some(text) = root.main.read(&path)? {
            problems.extend(check_platform(&path, &text));
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use crate::domain::check::testing::{CONFIG, problems, sound};

    #[test]
    fn a_key_that_the_chart_does_not_know_is_found_where_it_stands() {
        let files = sound()
            .with("platform-values.yaml", "global:\n  platform:\n    routng: {}\n")
            .with("platform-values/staging.yaml", "global: {platform: {routing: {api: gatway}}}\n")
            .with("platform-values/stagin.yaml", "global: {platform: {}}\n")
            .with("platform-values/staging.yml", "");
        assert_eq!(
            problems(CONFIG, &files),
            [
                "platform-values.yaml:3: unknown key `global.platform.routng`",
                "platform-values/stagin.yaml: there is no environment `stagin`, so nobody reads this file",
                "platform-values/staging.yaml:1: `global.platform.routing.api` cannot be `gatway`",
                "platform-values/staging.yml: nobody reads this file",
            ]
        );
    }
}
