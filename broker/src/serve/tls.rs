//! The TLS of all listeners, as a start sets it up and a reload replaces it.

use crate::configuration::{Settings, TlsFiles};
use crate::listener::handshakes::Handshakes;
use crate::listener::stream::Secure;
use crate::tls::{Certificates, Credentials, Speaks, TlsError, TlsTable};

/// What each listener shows and asks for, by its section in the configuration. `None` for those without TLS.
pub(super) struct Tables {
    api: Option<TlsTable>,
    admin: Option<TlsTable>,
    native: Option<TlsTable>,
}

/// The TLS of the listeners.
pub(super) struct Listeners {
    pub(super) api: Option<Secure>,
    pub(super) admin: Option<Secure>,
    pub(super) native: Option<Secure>,
}

/// Credentials that were read and not yet used.
pub(super) struct Prepared<'a> {
    next: Vec<(&'static str, &'a TlsTable, Credentials)>,
    /// Sections whose TLS was turned on or off, which needs a restart.
    pub(super) restart: Vec<&'static str>,
}

impl Tables {
    /// Reads the files of all listeners. Those of the native protocol only if it is served.
    ///
    /// # Errors
    /// [`TlsError`] if one of them cannot be used.
    pub(super) fn begin(settings: &Settings) -> Result<Self, TlsError> {
        let table = |files: Option<TlsFiles>, speaks| files.map(|files| TlsTable::begin(&files, speaks)).transpose();
        let native = settings.native_tls().filter(|_| settings.native.listen.get().is_some());
        Ok(Self {
            api: table(settings.api_tls(), Speaks::HTTP)?,
            admin: table(settings.admin_tls(), Speaks::HTTP_1)?,
            native: table(native, Speaks::NATIVE)?,
        })
    }

    /// What the listeners use. Together they have so many handshakes under way at once.
    pub(super) fn listeners(&self, handshakes_max: usize) -> Listeners {
        let handshakes = Handshakes::new(handshakes_max);
        let secure = |table: &Option<TlsTable>| {
            table.as_ref().map(|table| Secure { tls: table.live(), handshakes: handshakes.clone() })
        };
        Listeners { api: secure(&self.api), admin: secure(&self.admin), native: secure(&self.native) }
    }

    /// The certificates, for the log and for `/metrics`.
    pub(super) fn certificates(&self) -> Certificates {
        let tables = [("tls", &self.api), ("admin.tls", &self.admin), ("native.tls", &self.native)];
        let live = tables.into_iter().filter_map(|(section, table)| Some((section, table.as_ref()?.live())));
        Certificates::new(live.collect())
    }

    /// Reads the files that `next` names, and changes nothing.
    ///
    /// # Errors
    /// [`TlsError`] if one of them cannot be used.
    pub(super) fn prepare(&self, next: &Settings) -> Result<Prepared<'_>, TlsError> {
        let native = next.native_tls().filter(|_| next.native.listen.get().is_some());
        let listeners = [
            ("tls", &self.api, next.api_tls()),
            ("admin.tls", &self.admin, next.admin_tls()),
            ("native.tls", &self.native, native),
        ];
        let mut prepared = Prepared { next: Vec::new(), restart: Vec::new() };
        for (section, table, files) in listeners {
            match (table, files) {
                (Some(table), Some(files)) => prepared.next.push((section, table, table.prepare(&files)?)),
                (None, None) => {}
                (Some(_), None) | (None, Some(_)) => prepared.restart.push(section),
            }
        }
        Ok(prepared)
    }
}

impl Prepared<'_> {
    /// Uses what was read for handshakes from now on. Returns the sections whose certificate is another one.
    pub(super) fn replace(self) -> Vec<&'static str> {
        let replaced = self.next.into_iter().map(|(section, table, next)| (section, table.replace(next)));
        replaced.filter_map(|(section, is_other)| is_other.then_some(section)).collect()
    }
}
