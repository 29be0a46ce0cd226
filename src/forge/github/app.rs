//! A GitHub App, and a token of its for one repository and one hour.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation>

use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use crate::forge::{Address, ForgeError, Session};

/// A GitHub App that is installed on the project.
#[derive(Clone, Debug)]
pub struct App {
    pub id: u64,
    /// Looked up where it is not told.
    pub installation: Option<u64>,
    /// An RSA key in PEM.
    pub key: SecretString,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

/// A token of the App for the project of `address` and nothing else.
///
/// # Errors
/// A key that is none or is not taken, an App that is not installed on the project.
pub fn installation_token(
    address: &Address,
    app: &App,
    session: &Session,
) -> Result<SecretString, ForgeError> {
    let client = Client::as_app(address, app, session)?;
    let (owner, name) = address.project.split_once('/').unwrap_or((&address.project, ""));
    let absent = |error: ForgeError| match error {
        ForgeError::NotFound(_) | ForgeError::Invalid(_) => ForgeError::NotFound(format!(
            "the GitHub App {} is not installed on {}",
            app.id, address.project
        )),
        error => error,
    };
    let installation = if let Some(id) = app.installation {
        id
    } else {
        let url = client.url(&["repos", owner, name, "installation"]);
        let found: Result<Installation, _> = session.read(async || client.get(&url).await?.ok(""));
        found.map_err(absent)?.id
    };
    let url = client.url(&["app", "installations", &installation.to_string(), "access_tokens"]);
    let body = json!({"repositories": [name]});
    // A second token would do no harm, and nothing tells whether there is a first.
    let token: Result<Token, _> = session.write(
        async || client.send(&Method::POST, &url, Some(&body)).await?.ok(""),
        async || Ok(None),
    );
    Ok(token.map_err(absent)?.token.into())
}
