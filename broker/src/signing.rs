//! The key that notifications are signed with: generated at the first start, kept in the data directory, and served as
//! a certificate without authentication.
//!
//! `sns-signing-key.pem` holds the key, an RSA key of 2,048 bits as PKCS #8 in PEM, readable by its owner only. With
//! encryption at rest the PEM is encrypted ([`Encryption::seal_file`]); a start writes the file again if it is not
//! encrypted with the key for new data. It is written under another name, synced and renamed, so that a crash leaves the
//! whole key or none. A file that cannot be used stops the start: with another key in its place, no notification that is
//! still in a queue could be verified.
//!
//! The file of a new key is made, filled to [`PLACE_BYTES`] and synced before the broker serves ([`Place`]). A directory
//! that is full or that the broker cannot write to therefore fails the first start, and not the broker some milliseconds
//! later.
//!
//! The certificate is not kept. It follows from the key and the names that it is made out to. Its path follows from the
//! key alone (a test holds it), so that the URLs in messages of earlier starts stay valid.
//!
//! A start waits for the file to be read, or for its place to be made. Generating a key takes 20 to several hundred milliseconds, and before
//! the first signature the library gathers randomness for 30 to 80 milliseconds. A thread does both. A caller that
//! needs a signature earlier waits ([`Signer::awaiting`]). No signature leaves before its key is durable.

use core::fmt;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use posthouse_aws::PublicUrl;
use posthouse_aws::envelope::{Signer, SigningKey, certificate_names};
use posthouse_encryption::{Encryption, KeyId, OpenFileError};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
};
use sha2::{Digest as _, Sha256};

/// The file in the data directory.
const FILE_NAME: &str = "sns-signing-key.pem";
/// The file's name until it is whole. A file that an interrupted start left under this name is replaced by the next.
const UNFINISHED_NAME: &str = "sns-signing-key.pem.new";
/// Bytes of the file that a new key is written into. A key of 2,048 bits takes 1,704, and 2,417 when it is encrypted.
const PLACE_BYTES: usize = 4096;
/// The common name of the certificate's subject, unless it is made out to a host.
const COMMON_NAME: &str = "sns.posthouse";
/// Characters of a common name in X.509.
const COMMON_NAME_CHARS_MAX: usize = 64;

/// The broker's signing key and certificate. Clones share them.
#[derive(Clone, Debug)]
pub struct Signing {
    signer: Signer,
    certificate: Arc<OnceLock<Result<Certificate, SigningError>>>,
}

#[derive(Clone, Debug)]
struct Certificate {
    path: String,
    pem: Bytes,
}

/// Why there is no signing key.
#[derive(Clone, Debug)]
pub enum SigningError {
    /// The file exists and cannot be read.
    Unreadable(PathBuf, Arc<io::Error>),
    /// The file holds no whole RSA key.
    Damaged(PathBuf),
    /// The file is encrypted with a key that is not known.
    Locked(PathBuf, KeyId),
    /// A new key cannot be written, or the thread that does this cannot be started.
    Unwritable(PathBuf, Arc<io::Error>),
    /// A new key cannot be generated.
    Unmade,
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, source) => {
                write!(f, "the key {} that notifications are signed with cannot be read: {source}", path.display())
            }
            Self::Damaged(path) => write!(
                f,
                "{} is damaged: it holds no RSA private key of 2048 bits or more as PKCS #8 in PEM. Restore it from a \
                 backup; or move it away, and the broker makes a new key: notifications that were signed with the old \
                 one and are not yet received can then not be verified",
                path.display()
            ),
            Self::Locked(path, key) => {
                write!(f, "{} is encrypted with key {key}, which the key file lacks", path.display())
            }
            Self::Unwritable(path, source) => write!(
                f,
                "a key to sign notifications with cannot be written to {}: {source}; make room, or let the \
                 broker write there",
                path.display()
            ),
            Self::Unmade => f.write_str("a key to sign notifications with cannot be made; the log says why"),
        }
    }
}

impl Error for SigningError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable(_, source) | Self::Unwritable(_, source) => Some(source.as_ref()),
            Self::Damaged(_) | Self::Locked(..) | Self::Unmade => None,
        }
    }
}

/// The key of a data directory, if it holds one, read and checked. Nothing is written yet, so that a start that fails
/// for another reason leaves the directory as it was.
#[derive(Debug)]
pub struct KeptKey {
    directory: PathBuf,
    key: Option<ReadKey>,
}

/// A key that was read.
#[derive(Debug)]
struct ReadKey {
    pair: KeyPair,
    /// The key that the file is encrypted with. `None` if it is not encrypted.
    sealed_with: Option<KeyId>,
}

impl KeptKey {
    /// Reads the key of a data directory that this process holds.
    ///
    /// # Errors
    /// [`SigningError`] if there is a key and it cannot be used.
    pub fn read(directory: &Path, encryption: &Encryption) -> Result<Self, SigningError> {
        Ok(Self { directory: directory.to_owned(), key: read(&directory.join(FILE_NAME), encryption)? })
    }
}

impl Signing {
    /// Takes the key for a signer that awaits it, and returns once the place for a new key is on disk if there is none. A
    /// key that is not kept as `encryption` keeps new data is written again. The certificate and a new key are generated
    /// in the background. `certificate_url` is what the certificate's URL begins with; without it the broker's own URL.
    ///
    /// # Errors
    /// [`SigningError::Unwritable`] if a new key cannot be written, or the thread cannot be started.
    pub fn start(
        kept: KeptKey,
        signer: Signer,
        certificate_url: Option<PublicUrl>,
        encryption: &Encryption,
    ) -> Result<Self, SigningError> {
        let signing = Self { signer, certificate: Arc::default() };
        let KeptKey { directory, key } = kept;
        let unwritten = |error| unwritable(&directory, error);
        let source = match key {
            Some(key) => {
                if key.sealed_with != encryption.first() {
                    let place = Place::make(&directory, encryption.clone()).map_err(unwritten)?;
                    place.keep(&key.pair.serialize_pem()).map_err(unwritten)?;
                }
                Source::Kept(key.pair)
            }
            None => Source::New(Place::make(&directory, encryption.clone()).map_err(unwritten)?),
        };
        signing.prepare_in_background(directory, source, certificate_url)?;
        Ok(signing)
    }

    /// The signer of notifications. It waits for the key; if the key cannot be generated or kept, it waits for ever.
    /// The caller must therefore watch [`Signing::made`].
    #[must_use]
    pub fn signer(&self) -> Signer {
        self.signer.clone()
    }

    /// Resolves once the key is durable and ready.
    ///
    /// # Errors
    /// [`SigningError`] if it could not be generated. The broker cannot sign then, and should end.
    pub async fn made(&self) -> Result<(), SigningError> {
        let certificate = Arc::clone(&self.certificate);
        if certificate.get().is_none() {
            let waiting = Arc::clone(&certificate);
            let waited = tokio::task::spawn_blocking(move || waiting.wait().is_ok()).await;
            waited.map_err(|_| SigningError::Unmade)?;
        }
        certificate.wait().as_ref().map(|_| ()).map_err(SigningError::clone)
    }

    /// The certificate in PEM, if `path` is the path that it is served under:
    /// `/SimpleNotificationService-<32 hexadecimal digits>.pem`. Returns `None` before there is a certificate: no
    /// notification names its path by then.
    #[must_use]
    pub fn certificate_at(&self, path: &str) -> Option<&Bytes> {
        let certificate = self.certificate.get()?.as_ref().ok()?;
        (certificate.path == path).then_some(&certificate.pem)
    }

    fn prepare_in_background(
        &self,
        directory: PathBuf,
        source: Source,
        certificate_url: Option<PublicUrl>,
    ) -> Result<(), SigningError> {
        let signing = self.clone();
        let path = directory.join(FILE_NAME);
        let preparing = move || {
            let prepared = catch_unwind(AssertUnwindSafe(|| prepare(&directory, source, certificate_url)));
            let prepared = prepared.unwrap_or(Err(SigningError::Unmade));
            if let Err(error) = &prepared {
                tracing::error!(%error, "notifications cannot be signed");
            }
            signing.settle(prepared);
        };
        let thread = std::thread::Builder::new().name("signing-key".into()).spawn(preparing);
        thread.map(drop).map_err(|error| SigningError::Unwritable(path, Arc::new(error)))
    }

    /// Provides the certificate before the key, so that a signature's reader finds the certificate that it names.
    fn settle(&self, found: Result<(SigningKey, Certificate), SigningError>) {
        let (key, certificate) = match found {
            Ok((key, certificate)) => (Some(key), Ok(certificate)),
            Err(error) => (None, Err(error)),
        };
        self.certificate.set(certificate).expect("a key is read or made once");
        if let Some(key) = key {
            self.signer.provide(key);
        }
    }
}

/// The key that is kept, if one is.
fn read(path: &Path, encryption: &Encryption) -> Result<Option<ReadKey>, SigningError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Not UTF-8, so not PEM.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(SigningError::Damaged(path.to_owned())),
        Err(error) => return Err(SigningError::Unreadable(path.to_owned(), Arc::new(error))),
    };
    warn_where_others_can_read(path);
    let (sealed_with, pem) = match encryption.open_file(FILE_NAME, &text) {
        Ok((key, pem)) => (Some(key), pem),
        Err(OpenFileError::NotSealed) => (None, text),
        Err(OpenFileError::Damaged) => return Err(SigningError::Damaged(path.to_owned())),
        Err(OpenFileError::UnknownKey(key)) => return Err(SigningError::Locked(path.to_owned(), key)),
    };
    let pair = KeyPair::from_pem(&pem).ok().filter(|key| key.algorithm() == &PKCS_RSA_SHA256);
    pair.map(|pair| Some(ReadKey { pair, sealed_with })).ok_or_else(|| SigningError::Damaged(path.to_owned()))
}

/// Where the key comes from.
enum Source {
    /// The file that an earlier start wrote.
    Kept(KeyPair),
    /// It is generated, and written into this place.
    New(Place),
}

/// Everything that signing needs. A new key is kept from now on.
fn prepare(
    directory: &Path,
    source: Source,
    certificate_url: Option<PublicUrl>,
) -> Result<(SigningKey, Certificate), SigningError> {
    let key = match source {
        Source::Kept(key) => key,
        Source::New(place) => {
            let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(|error| {
                tracing::error!(%error, "an RSA key cannot be made");
                SigningError::Unmade
            })?;
            place.keep(&key.serialize_pem()).map_err(|error| unwritable(directory, error))?;
            key
        }
    };
    derive(&key, certificate_url).ok_or_else(|| SigningError::Damaged(directory.join(FILE_NAME)))
}

fn unwritable(directory: &Path, error: io::Error) -> SigningError {
    SigningError::Unwritable(directory.join(FILE_NAME), Arc::new(error))
}

/// The file of a new key before it holds one: its room on the disk is taken already.
struct Place {
    directory: PathBuf,
    file: File,
    encryption: Encryption,
}

impl Place {
    /// Makes the file, and takes its room.
    fn make(directory: &Path, encryption: Encryption) -> io::Result<Self> {
        let unfinished = directory.join(UNFINISHED_NAME);
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        // New, since the mode of a file that is there already stays.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(&[b'\n'; PLACE_BYTES])?;
        file.sync_all()?;
        Ok(Self { directory: directory.to_owned(), file, encryption })
    }

    /// Writes the key over it, encrypted as new data is, and gives the file its name.
    fn keep(self, pem: &str) -> io::Result<()> {
        let Self { directory, file, encryption } = self;
        let sealed = encryption.seal_file(FILE_NAME, pem);
        let text = sealed.as_deref().unwrap_or(pem);
        file.write_all_at(text.as_bytes(), 0)?;
        file.set_len(text.len() as u64)?;
        file.sync_all()?;
        fs::rename(directory.join(UNFINISHED_NAME), directory.join(FILE_NAME))?;
        File::open(directory)?.sync_all()
    }
}

/// What follows from the key and the certificate's URL; none where the key cannot sign.
fn derive(key: &KeyPair, certificate_url: Option<PublicUrl>) -> Option<(SigningKey, Certificate)> {
    let plain = certify(key, &[])?;
    let digest = Sha256::digest(plain.der());
    let name = digest[..16].iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
    let path = format!("/SimpleNotificationService-{name}.pem");
    let signing_key = SigningKey::from_pkcs8(&key.serialize_der(), &path).ok()?;
    Some(match certificate_url {
        Some(url) => {
            let pem = certify(key, &certificate_names(&url))?.pem().into();
            (signing_key.certified_at(url), Certificate { path, pem })
        }
        None => (signing_key, Certificate { path, pem: plain.pem().into() }),
    })
}

/// The certificate of a key, always with the same bytes for the same names. Its subject is the first name.
fn certify(key: &KeyPair, names: &[String]) -> Option<rcgen::Certificate> {
    let mut parameters = CertificateParams::new(names).ok()?;
    let subject = names.first().map_or(COMMON_NAME, String::as_str);
    let subject = if subject.len() <= COMMON_NAME_CHARS_MAX { subject } else { COMMON_NAME };
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, subject);
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Fixed, so that the certificate is the same at every start.
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2055, 1, 1);
    parameters.self_signed(key).ok()
}

/// Warns if other users of the machine can read the key: they could sign as this broker.
fn warn_where_others_can_read(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        let mode = format!("{:o}", mode & 0o777);
        tracing::warn!(key = %path.display(), mode, "others can use the key that notifications are signed with");
    }
}

#[cfg(test)]
mod tests;
