//! Is a version live and healthy in an environment, by Argo CD's word?

use std::cell::RefCell;
use std::rc::Rc;

use secrecy::SecretString;

use super::{Context, Talk};
use crate::argocd::{Address, ArgoCdError, Client, Liveness, NotLive, Question, Session, judge};
use crate::domain::applicationset;
use crate::domain::config::Config;
use crate::domain::gate::Missing;
use crate::domain::name::{DomainName, EnvironmentName};
use crate::domain::pin::Pin;

/// What a token must be good for.
const TOKEN: &str = "PINRAIL_ARGOCD_TOKEN (a token of Argo CD's account `pinrail`, with `applications, get`: docs/argocd.md)";

/// The secret in which Argo CD's token was found.
#[derive(Clone, Debug)]
pub struct ArgoCdToken {
    pub secret: SecretString,
    /// Where it came from, for messages, such as `ARGOCD_AUTH_TOKEN`.
    pub source: &'static str,
}

/// Argo CD's word on what is live, over one connection for a whole run.
pub struct Health {
    client: Result<Client, Missing>,
    source: &'static str,
    namespace: Option<String>,
    /// What would keep every other answer away as well, so that it is met once.
    down: RefCell<Option<Missing>>,
}

impl Health {
    /// Nothing is sent yet. `config` decides where the token goes: for a change that is judged it
    /// must be the one of the branch that the change is for, never the change's own.
    #[must_use]
    pub fn new(context: &Context, config: &Config) -> Self {
        Self {
            client: client(context, config),
            source: context.argocd_token.as_ref().map_or("", |token| token.source),
            namespace: config.argocd.namespace.clone(),
            down: RefCell::default(),
        }
    }

    /// Whether the pin of a service is live and healthy in an environment, now: the controller
    /// is asked to look again first.
    ///
    /// # Errors
    /// No word of Argo CD's.
    pub fn of(
        &self,
        environment: &EnvironmentName,
        domain: &DomainName,
        pin: &Pin,
    ) -> Result<Liveness, Missing> {
        let client = self.client.as_ref().map_err(Clone::clone)?;
        if let Some(missing) = &*self.down.borrow() {
            return Err(missing.clone());
        }
        let name = applicationset::application_name(environment, &pin.service);
        let project = applicationset::name(environment, domain);
        let question = Question {
            name: &name,
            project: &project,
            namespace: self.namespace.as_deref(),
            refresh: true,
        };
        match client.application(&question) {
            Ok(application) => Ok(judge(&application, pin)),
            Err(ArgoCdError::NotFound(_)) => Ok(Liveness::Not(NotLive::NoApplication)),
            Err(error) => {
                let is_of_all = !matches!(error, ArgoCdError::Forbidden(_));
                let host = client.address().host();
                let missing = Missing {
                    what: format!("Argo CD at {host} does not tell of {name}: {error}"),
                    need: self.need(&error, &project),
                };
                if is_of_all {
                    *self.down.borrow_mut() = Some(missing.clone());
                }
                Err(missing)
            }
        }
    }

    fn need(&self, error: &ArgoCdError, project: &str) -> String {
        let source = self.source;
        match error {
            ArgoCdError::Unauthorised(_) => {
                format!(
                    "another token in {source}: this one is wrong, has expired or was taken back"
                )
            }
            ArgoCdError::Forbidden(_) => {
                format!("`applications, get` on {project}/* for the token in {source}")
            }
            ArgoCdError::Protocol(_) => {
                "`argocd.url` to be the address of Argo CD's API".to_owned()
            }
            ArgoCdError::Local(_) => "this machine to be set up for it".to_owned(),
            _ => "an Argo CD that answers".to_owned(),
        }
    }
}

fn client(context: &Context, config: &Config) -> Result<Client, Missing> {
    let missing = |what: String, need: &str| Missing { what, need: need.to_owned() };
    let Some(url) = &config.argocd.url else {
        let what = "`argocd.url` does not say where Argo CD is".to_owned();
        return Err(missing(what, "`argocd: {url: https://…}` in pinrail.yaml"));
    };
    let address = Address::parse(url)
        .map_err(|error| missing(error.to_string(), "another `argocd.url` in pinrail.yaml"))?;
    let Some(token) = &context.argocd_token else {
        let what =
            format!("Argo CD at {} is asked with a token, and none is at hand", address.host());
        return Err(missing(what, TOKEN));
    };
    let talk: Rc<dyn Talk> = Rc::clone(&context.talk);
    let notice = Box::new(move |sentence: &str| talk.say(sentence));
    Session::new(context.access.ca_file.as_deref(), context.timeout, notice)
        .map_err(ArgoCdError::Local)
        .and_then(|session| Client::new(session, address, &token.secret))
        .map_err(|error| missing(format!("{}: {error}", token.source), TOKEN))
}
