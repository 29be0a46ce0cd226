//! Evidence that a test tells.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Evidence, Landing, Missing};
use crate::domain::environment::Environment;
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;

/// The time, and perhaps the landings; nothing else is known.
pub struct Told {
    pub now: Timestamp,
    pub landings: Option<BTreeMap<(EnvironmentName, ServiceName), Vec<Landing>>>,
}

fn missing() -> Missing {
    Missing { what: "it is not told".to_owned(), need: "to be told".to_owned() }
}

impl Evidence for Told {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn landings(
        &self,
        environment: &Environment,
        _: &DomainName,
        service: &ServiceName,
        _: Option<&Pin>,
    ) -> Result<Vec<Landing>, Missing> {
        let known = self.landings.as_ref().ok_or_else(missing)?;
        Ok(known.get(&(environment.name.clone(), service.clone())).cloned().unwrap_or_default())
    }

    fn behind(&self, _: &DomainName, _: &Pin, _: &Pin) -> Result<usize, Missing> {
        Err(missing())
    }

    fn unhealthy(
        &self,
        _: &Environment,
        _: &DomainName,
        _: &Pin,
    ) -> Result<Option<String>, Missing> {
        Err(missing())
    }
}
