//! How long certificates are valid, for the log and for `/metrics`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::LiveTls;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Days before its end from which a certificate is warned of: twice the week that people are away for.
const WARNING_DAYS: f64 = 14.0;

/// The listeners with TLS, by their sections in the configuration.
#[derive(Clone, Default)]
pub struct Certificates(Arc<[(&'static str, LiveTls)]>);

impl Certificates {
    /// Those of these listeners.
    #[must_use]
    pub fn new(listeners: Vec<(&'static str, LiveTls)>) -> Self {
        Self(listeners.into())
    }

    /// The days until each expires, of which a part counts, and less than zero where it has expired.
    pub fn days_left(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        let now = SystemTime::now();
        self.0.iter().map(move |(section, tls)| (*section, days_left(tls.now().expires(), now)))
    }

    /// Warns of those that expire soon or have expired.
    fn warn(&self) {
        for (section, days) in self.days_left() {
            if days <= 0.0 {
                tracing::error!(
                    section,
                    "the certificate has expired: clients refuse it. Replace the file and send SIGHUP"
                );
            } else if days <= WARNING_DAYS {
                tracing::warn!(
                    section,
                    days = days.floor(),
                    "the certificate expires soon: replace the file and send SIGHUP"
                );
            }
        }
    }
}

/// The days from `now` until `expires`, less than zero if that is past.
#[must_use]
pub fn days_left(expires: SystemTime, now: SystemTime) -> f64 {
    match expires.duration_since(now) {
        Ok(left) => left.div_duration_f64(DAY),
        Err(past) => -past.duration().div_duration_f64(DAY),
    }
}

/// Warns of certificates that expire soon, now, once a day, and after each reload. Never ends.
pub async fn warn_of_expiry(certificates: Certificates) {
    // These know which changes they have seen: a new clone knows of none.
    let mut live: Vec<_> = certificates.0.iter().map(|(_, tls)| tls.clone()).collect();
    loop {
        certificates.warn();
        let any = async {
            if live.is_empty() {
                std::future::pending::<()>().await;
            }
            futures_util::future::select_all(live.iter_mut().map(|tls| Box::pin(tls.changed()))).await;
        };
        // A timer of a day would be late after the machine was suspended.
        let _ = tokio::time::timeout(DAY, any).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_in_parts() {
        let now = SystemTime::now();
        assert!((days_left(now + DAY * 3 / 2, now) - 1.5).abs() < 1e-9);
        assert!((days_left(now - DAY, now) + 1.0).abs() < 1e-9);
    }
}
