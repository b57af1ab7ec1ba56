//! `[tls]`, `[admin.tls]` and `[native.tls]`: the files of the listeners' certificates, of one shape for all.

use std::path::PathBuf;

use super::push::OptionalPath;
use super::settings::{AdminTls, ApiTls, NativeTls, Settings};
use super::{Configuration, ConfigurationError};

/// The files of one listener's TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The section of the configuration.
    pub section: &'static str,
    /// The certificate and those between it and its authority.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// The authorities of clients' certificates. `None` if clients need none.
    pub client_ca: Option<PathBuf>,
}

/// The settings of one section.
struct Section<'a> {
    name: &'static str,
    certificate: &'a OptionalPath,
    key: &'a OptionalPath,
    client_ca: &'a OptionalPath,
}

impl Section<'_> {
    fn files(&self) -> Option<TlsFiles> {
        let path = |path: &OptionalPath| path.as_deref().map(ToOwned::to_owned);
        Some(TlsFiles {
            section: self.name,
            certificate: path(self.certificate)?,
            key: path(self.key)?,
            client_ca: path(self.client_ca),
        })
    }

    /// A certificate needs its key, and clients' certificates need TLS.
    fn check(&self) -> Result<(), ConfigurationError> {
        let Self { name, certificate, key, client_ca } = self;
        let (certificate, key) = (certificate.as_deref().is_some(), key.as_deref().is_some());
        if certificate != key {
            let message = format!("`{name}.certificate` and `{name}.key` must be set together");
            return Err(ConfigurationError::whole(message));
        }
        if client_ca.as_deref().is_some() && !certificate {
            let message = format!("`{name}.client_ca` needs `{name}.certificate` and `{name}.key`");
            return Err(ConfigurationError::whole(message));
        }
        Ok(())
    }
}

fn sections(settings: &Settings) -> [Section<'_>; 3] {
    let ApiTls { certificate, key, client_ca } = &settings.tls;
    let api = Section { name: "tls", certificate, key, client_ca };
    let AdminTls { certificate, key, client_ca } = &settings.admin_tls;
    let admin = Section { name: "admin.tls", certificate, key, client_ca };
    let NativeTls { certificate, key, client_ca } = &settings.native_tls;
    [api, admin, Section { name: "native.tls", certificate, key, client_ca }]
}

impl Settings {
    /// The TLS of the AWS API; `None` if it is served without.
    #[must_use]
    pub fn api_tls(&self) -> Option<TlsFiles> {
        sections(self)[0].files()
    }

    /// The TLS of the admin listener; `None` if it is served without.
    #[must_use]
    pub fn admin_tls(&self) -> Option<TlsFiles> {
        sections(self)[1].files()
    }

    /// The TLS of the native protocol; `None` if it is served without.
    #[must_use]
    pub fn native_tls(&self) -> Option<TlsFiles> {
        sections(self)[2].files()
    }
}

impl Configuration {
    /// Checks that each section is whole.
    pub(super) fn check_tls(&self) -> Result<(), ConfigurationError> {
        sections(&self.settings).iter().try_for_each(Section::check)
    }
}
