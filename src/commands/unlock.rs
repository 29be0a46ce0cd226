//! `unlock`: what was locked may come again.

use clap::Args;

use super::lock::Locking;
use super::report::Report;
use super::{CommandError, Context};
use crate::domain::name::{EnvironmentName, ServiceName};

/// Take a lock away: of an environment, or of these services of it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pinrail unlock -e production         # the environment's lock, or a group's
  pinrail unlock api -e production     # the lock of a service, such as `rollback` sets

A service that has a lock of its own stays locked when the environment's is taken away, and the
other way round. Open requests are judged again at once.

Exit codes: 0 unlocked, or not locked · 5 the server refused it")]
pub struct UnlockArgs {
    /// The services; without one, the whole environment
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// The environment or group
    #[arg(short, long = "environment", value_name = "ENV|GROUP")]
    environment: EnvironmentName,
}

impl UnlockArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// An environment that is not there, or a services-root that cannot be written.
    pub fn run(self, context: &Context) -> Result<Report, CommandError> {
        Locking { services: self.services, target: self.environment, lock: None }.run(context)
    }
}
