//! Secrets that stand in files of their own: the settings and keys that end in `_file`. Kubernetes, systemd and Docker hand
//! secrets over in this form.

use std::path::Path;

use super::secret::Secret;
use crate::whole_file;

/// Bytes of a secret: far more than any password has.
const BYTES_MAX: usize = 4096;

/// Reads the secret of a file, without the end of its last line.
///
/// # Errors
/// Why it cannot be used, with the path.
pub(super) fn read(path: &Path) -> Result<Secret, String> {
    let failed = |why: &str| format!("{}: {why}", path.display());
    let bytes = whole_file::read(path).map_err(|error| failed(&error.to_string()))?;
    if bytes.len() > BYTES_MAX {
        return Err(failed(&format!("it has more than {BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8"))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() { Err(failed("it is empty")) } else { Ok(Secret::new(secret)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_what_a_file_holds_but_for_the_end_of_its_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("secret");
        for (text, secret) in [("a b", "a b"), ("a b\n", "a b"), ("a\r\n", "a"), ("a\n\n", "a\n")] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(read(&path).expect("a secret").expose(), secret);
        }
        for (bytes, why) in [
            (&b""[..], "it is empty"),
            (b"\n", "it is empty"),
            (b"\xff", "it is not UTF-8"),
            (&[b'a'; 5000], "4096 bytes"),
        ] {
            std::fs::write(&path, bytes).expect("written");
            let error = read(&path).expect_err(why);
            assert!(error.contains(why) && error.contains("secret: "), "{error}");
        }
        assert!(read(&directory.path().join("none")).is_err());
    }
}
