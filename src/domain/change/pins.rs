//! The pins that a change touches, each read as a move.

use super::{Change, Touched};
use crate::domain::cause::Cause;
use crate::domain::environment::Environment;
use crate::domain::gate;
use crate::domain::layout::{self, Place};
use crate::domain::name::{DomainName, EnvironmentName, ServiceName};
use crate::domain::pin::Pin;
use crate::domain::problem::Problem;
use crate::domain::tree::ReadError;

/// One pin that a change touches.
#[derive(Clone, Debug, PartialEq)]
pub struct PinChange {
    pub path: String,
    pub service: ServiceName,
    pub domain: DomainName,
    pub environment: EnvironmentName,
    /// What is there now.
    pub from: Option<Pin>,
    /// What it becomes; none where it is taken away, or becomes no pin.
    pub to: Option<Pin>,
    pub kind: Kind,
    /// The line of the version in what the file becomes, from 1.
    pub line: u64,
}

/// What a change does to a pin.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Another version comes.
    Moved,
    /// The same version is written in another way, as for a new cluster.
    Unchanged,
    Removed,
    /// The file, before or after, is no pin that could be judged.
    Broken(Cause),
}

impl PinChange {
    fn is_of(&self, environment: &EnvironmentName, service: &ServiceName) -> bool {
        self.environment == *environment && self.service == *service
    }
}

/// The line of the version in a pin's file, from 1.
fn line(bytes: &[u8]) -> u64 {
    const KEY: &[u8] = b"\"imageTag\"";
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let before = lines.position(|line| line.windows(KEY.len()).any(|it| it == KEY));
    before.map_or(1, |before| before as u64 + 1)
}

/// The pin of a service that is among these.
pub(super) fn of<'p>(
    pins: &'p [PinChange],
    environment: &EnvironmentName,
    service: &ServiceName,
) -> impl Iterator<Item = &'p PinChange> {
    pins.iter().filter(move |pin| pin.is_of(environment, service))
}

impl Change<'_> {
    /// The pins that it touches, where they belong on its branch. What is there already is left
    /// out.
    ///
    /// # Errors
    /// A tree that cannot be read.
    pub fn pins(&self) -> Result<Vec<PinChange>, ReadError> {
        let mut pins = Vec::new();
        for file in &self.files {
            let Some(Place::Pin { environment, domain, service }) = layout::place(&file.path)
            else {
                continue;
            };
            let Some(target) = self.tip.config.environment(environment.as_str()) else { continue };
            if self.tip.config.branch_of(target) != *self.branch {
                continue;
            }
            let (from, to, kind) = self.of_pin(target, &domain, &service, file)?;
            let (path, line) = (file.path.clone(), file.plain().map_or(1, line));
            pins.push(PinChange { path, service, domain, environment, from, to, kind, line });
        }
        Ok(pins)
    }

    fn of_pin(
        &self,
        target: &Environment,
        domain: &DomainName,
        service: &ServiceName,
        file: &Touched,
    ) -> Result<(Option<Pin>, Option<Pin>, Kind), ReadError> {
        let from = gate::pin(&self.tip, target, domain, service)?;
        if file.after.is_none() {
            return Ok((from.unwrap_or_default(), None, Kind::Removed));
        }
        // A change may give an environment another cluster, and its pins with it.
        let name = target.name.as_str();
        let cluster = &self.after.config.environment(name).unwrap_or(target).cluster;
        let parsed = file.plain().map(|bytes| {
            let pin = Pin::parse(bytes)?;
            pin.check_place(service, cluster).map(|()| pin)
        });
        let to = match parsed {
            Some(Ok(pin)) => pin,
            Some(Err(error)) => {
                let problem = Problem::error("pin", &file.path, error).to_string();
                let cause = Cause::InvalidPin { problem };
                return Ok((from.unwrap_or_default(), None, Kind::Broken(cause)));
            }
            None => {
                let problem = format!("{}: no plain file", file.path);
                let cause = Cause::InvalidPin { problem };
                return Ok((from.unwrap_or_default(), None, Kind::Broken(cause)));
            }
        };
        Ok(match from {
            Err(cause) => (None, Some(to), Kind::Broken(cause)),
            Ok(Some(from)) if from.version() == to.version() => {
                (Some(from), Some(to), Kind::Unchanged)
            }
            Ok(from) => (from, Some(to), Kind::Moved),
        })
    }
}
