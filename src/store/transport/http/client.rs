//! The HTTP client: whom it trusts, and how long it waits for a connection.

use std::mem::ManuallyDrop;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Certificate;
use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use url::Url;

use crate::store::Access;
use crate::store::transport::TransportError;
use crate::trust;

/// Some servers speak the smart protocol to `git/` alone.
const USER_AGENT: &str = concat!("git/pinrail-", env!("CARGO_PKG_VERSION"));

/// A client for each of the two schemes, made when it is needed: reading the system's
/// certificates takes longer than all else that is computed for a pin.
pub struct Clients {
    certificates: Vec<Certificate>,
    /// As it is shown in errors.
    ca_file: Option<String>,
    /// Whether a proxy may be spoken to over TLS, whatever the server is spoken to over.
    proxied: bool,
    /// Never dropped: that waits for the client's thread, which a server can keep busy.
    plain: OnceLock<ManuallyDrop<Client>>,
    secure: OnceLock<ManuallyDrop<Client>>,
}

impl Clients {
    /// # Errors
    /// A CA file that cannot be used.
    pub fn new(access: &Access) -> Result<Self, TransportError> {
        let ca_file = access.ca_file.as_ref().map(|path| path.display().to_string());
        let certificates =
            trust::certificates(access.ca_file.as_deref()).map_err(TransportError::Local)?;
        let (plain, secure) = (OnceLock::new(), OnceLock::new());
        Ok(Self { certificates, ca_file, proxied: access.proxied, plain, secure })
    }

    /// The client for an address.
    ///
    /// # Errors
    /// Certificates that cannot be used.
    pub fn of(&self, url: &Url) -> Result<&Client, TransportError> {
        let secure = url.scheme() != "http" || self.proxied;
        let slot = if secure { &self.secure } else { &self.plain };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = ManuallyDrop::new(self.build(secure)?);
        Ok(slot.get_or_init(|| client))
    }

    fn build(&self, secure: bool) -> Result<Client, TransportError> {
        let builder = Client::builder()
            .redirect(Policy::none())
            .user_agent(USER_AGENT)
            .connect_timeout(Duration::from_secs(20))
            .timeout(None);
        let builder = if secure {
            builder.tls_certs_merge(self.certificates.clone())
        } else {
            builder.tls_certs_only(Vec::new())
        };
        builder.build().map_err(|error| {
            let with = self.ca_file.as_ref().map(|path| format!(" with the CA file {path}"));
            let with = with.unwrap_or_default();
            TransportError::Local(format!("cannot set up HTTP{with}: {}", trust::cause(&error)))
        })
    }
}
