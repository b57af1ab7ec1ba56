//! An access key and its secret.

use std::fmt;
use std::sync::Arc;

/// An access key of a user of the broker, and its secret. The secret never crosses the wire: both sides prove that they
/// know it.
#[derive(Clone)]
pub(crate) struct Credentials {
    access_key_id: Arc<str>,
    secret: Arc<[u8]>,
}

impl Credentials {
    pub(crate) fn new(access_key_id: &str, secret: &str) -> Self {
        Self { access_key_id: access_key_id.into(), secret: secret.as_bytes().into() }
    }

    pub(crate) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

/// Without the secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_secret() {
        let shown = format!("{:?}", Credentials::new("AKIAORDERS", "hunter2"));
        assert!(shown.contains("AKIAORDERS"));
        assert!(!shown.contains("hunter2"));
    }
}
