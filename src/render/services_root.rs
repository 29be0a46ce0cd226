//! The files of a new services-root.

use minijinja::{AutoEscape, Environment, context};

use crate::domain::config::ForgeKind;
use crate::domain::owner::Owner;
use crate::domain::repository_url::RepositoryUrl;
use crate::domain::template::{self, Template};

/// An engine whose values are written as JSON, which YAML reads as what they are.
fn engine() -> Environment<'static> {
    let mut engine = template::engine();
    engine.set_auto_escape_callback(|_| AutoEscape::Json);
    engine
}

/// Where the list of settings of the forge is.
pub const SETTINGS: &str = ".pinrail/settings.md";

type Templates = &'static [(&'static str, &'static str)];

const COMMON: Templates = &[
    ("pinrail.yaml", include_str!("templates/pinrail.yaml")),
    ("platform-values.yaml", include_str!("templates/platform-values.yaml")),
    ("README.md", include_str!("templates/README.md")),
];

/// What a forge runs, and how it is to be set up.
fn for_forge(forge: ForgeKind) -> Templates {
    match forge {
        ForgeKind::Git => &[],
        ForgeKind::Gitlab => &[
            (".gitlab-ci.yml", include_str!("templates/gitlab/gitlab-ci.yml")),
            (SETTINGS, include_str!("templates/gitlab/settings.md")),
        ],
        ForgeKind::Github => &[
            (".github/workflows/pinrail.yml", include_str!("templates/github/pinrail.yml")),
            (".github/workflows/pinrail-tend.yml", include_str!("templates/github/tend.yml")),
            (SETTINGS, include_str!("templates/github/settings.md")),
        ],
    }
}

/// The files of a new services-root, by path; schemas and `CODEOWNERS` are not among them.
///
/// # Errors
/// A template that does not fit its values.
pub fn services_root(
    forge: ForgeKind,
    repository: Option<&RepositoryUrl>,
    services: Option<&Template>,
    owners: &[Owner],
) -> Result<Vec<(&'static str, String)>, minijinja::Error> {
    let engine = engine();
    let project = repository.and_then(|url| project_of(url.as_str()));
    let services = services
        .map_or("https://git.example.com/${{ domain }}/${{ service }}.git", Template::as_str);
    let values = context! {
        forge => forge.as_str(),
        repository => repository.map(RepositoryUrl::as_str),
        project,
        services,
        owners => owners.iter().map(Owner::to_string).collect::<Vec<_>>(),
    };
    let render = |&(path, text): &(&'static str, &str)| {
        engine.render_str(text, &values).map(|rendered| (path, rendered))
    };
    COMMON.iter().chain(for_forge(forge)).map(render).collect()
}

/// `group/name` of a repository's URL.
fn project_of(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':')?.1,
    };
    Some(path.trim_matches('/').trim_end_matches(".git").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::config::Config;

    #[test]
    fn a_new_services_root_is_valid_for_every_forge() {
        let url: RepositoryUrl =
            "https://gitlab.example.com/platform/services-root.git".parse().expect("url");
        for forge in [ForgeKind::Git, ForgeKind::Gitlab, ForgeKind::Github] {
            for repository in [None, Some(&url)] {
                let files = services_root(forge, repository, None, &[]).expect("rendered");
                let (_, text) = files
                    .iter()
                    .find(|(path, _)| *path == "pinrail.yaml")
                    .expect("a configuration");
                let config = Config::parse(text.as_bytes()).expect(text);
                assert_eq!(config.forge.kind, forge);
                assert_eq!(config.repository.as_ref(), repository);
                assert_eq!(
                    config.forge.project.as_deref(),
                    repository.map(|_| "platform/services-root")
                );
            }
        }
    }
}
