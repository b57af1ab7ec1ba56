//! Secrets and data that other users of the machine can get at, by the modes of files. The broker warns of them and
//! changes none: who else may read a file is the operator's decision.

use core::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::configuration::{Configuration, Kind, Origin};

const READ: u32 = 4;
const WRITE: u32 = 2;

/// One thing that others can get at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exposure {
    /// The configuration file holds secrets.
    Configuration {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A secret stands on the command line, which every user of the machine can list.
    CommandLine {
        /// The flag, without its hyphens.
        flag: String,
    },
    /// The key file of encryption at rest.
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The private key of a listener's certificate.
    TlsKey {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The data directory.
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Files of the data directory.
    DataFiles {
        /// One of them.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// How many there are.
        count: usize,
    },
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration { path, mode } => {
                write!(f, "{} holds secrets, and its mode {mode:o} lets others read it: chmod 600 it", path.display())
            }
            Self::CommandLine { flag } => write!(
                f,
                "--{flag} is a secret, and every user of the machine can list command lines: give it in the \
                 configuration file or in the environment"
            ),
            Self::KeyFile { path, mode } => write!(
                f,
                "the mode {mode:o} of the key file {} lets others read the keys of the data directory: chmod 600 it",
                path.display()
            ),
            Self::TlsKey { path, mode } => {
                write!(f, "the mode {mode:o} of the private key {} lets others read it: chmod 600 it", path.display())
            }
            Self::DataDirectory { path, mode } => write!(
                f,
                "the mode {mode:o} of the data directory {} lets others into it: chmod 700 it",
                path.display()
            ),
            Self::DataFiles { path, mode, count } => write!(
                f,
                "{count} files of the data directory can be read by others, such as {} with the mode {mode:o}: chmod 600 \
                 them",
                path.display()
            ),
        }
    }
}

/// The secrets of a configuration that others can read.
#[must_use]
pub fn of_configuration(configuration: &Configuration) -> Vec<Exposure> {
    let secrets =
        || configuration.origins.iter().filter(|(setting, text, _)| setting.kind == Kind::Secret && !text.is_empty());
    let in_file =
        !configuration.users.is_empty() || secrets().any(|(.., origin)| matches!(origin, Origin::File { .. }));
    let file = configuration.file.as_deref().filter(|_| in_file).and_then(|path| {
        let metadata = fs::metadata(path).ok()?;
        let mode = metadata.mode() & 0o777;
        is_readable(&metadata).then(|| Exposure::Configuration { path: path.to_owned(), mode })
    });
    let key_file = configuration.settings.encryption.key_file.as_deref().and_then(|path| {
        let metadata = fs::metadata(path).ok()?;
        let mode = metadata.mode() & 0o777;
        is_readable(&metadata).then(|| Exposure::KeyFile { path: path.to_owned(), mode })
    });
    let settings = &configuration.settings;
    let listeners = [settings.api_tls(), settings.admin_tls(), settings.native_tls()];
    let mut keys: Vec<_> = listeners.into_iter().flatten().map(|files| files.key).collect();
    keys.dedup();
    let keys = keys.into_iter().filter_map(|path| {
        let metadata = fs::metadata(&path).ok()?;
        let mode = metadata.mode() & 0o777;
        is_readable(&metadata).then_some(Exposure::TlsKey { path, mode })
    });
    let flags = secrets().filter(|(.., origin)| matches!(origin, Origin::Flag(_)));
    file.into_iter()
        .chain(key_file)
        .chain(keys)
        .chain(flags.map(|(setting, ..)| Exposure::CommandLine { flag: setting.flag() }))
        .collect()
}

/// What others can get at in a data directory. Its group may list it, as backups need.
#[must_use]
pub fn of_data(directory: &Path) -> Vec<Exposure> {
    let Ok(metadata) = fs::metadata(directory) else { return Vec::new() };
    let mode = metadata.mode() & 0o777;
    let open = mode & 0o007 != 0 || mode & (WRITE << 3) != 0;
    let own = open.then(|| Exposure::DataDirectory { path: directory.to_owned(), mode });
    // A directory that others cannot enter hides its files.
    let enterable = mode & 0o077 != 0;
    let files = fs::read_dir(directory).into_iter().flatten().flatten().filter(|_| enterable).filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        (metadata.is_file() && metadata.len() > 0 && is_readable(&metadata))
            .then(|| (entry.path(), metadata.mode() & 0o777))
    });
    let files: Vec<_> = files.collect();
    let files =
        files.first().map(|(path, mode)| Exposure::DataFiles { path: path.clone(), mode: *mode, count: files.len() });
    own.into_iter().chain(files).collect()
}

/// Whether others can read a file. Its group may, if another user owns it: then that is how the broker itself reads it.
fn is_readable(metadata: &Metadata) -> bool {
    let owned = metadata.uid() == rustix::process::geteuid().as_raw();
    metadata.mode() & READ != 0 || (owned && metadata.mode() & (READ << 3) != 0)
}
