//! The Prometheus text of `/metrics`.
//!
//! Listeners and push delivery count in memory of their own (`http`, `push`), so that counting takes no lock. The core
//! loop and the log are asked for their counts at each scrape (`inspection`).

mod backups;
mod http;
mod inspection;
mod native;
mod push;
mod text;

use std::sync::Arc;

use posthouse_aws::envelope::Signer;
use posthouse_core::Inspection;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::tls::Certificates;
pub use http::HttpMetrics;
pub use native::NativeMetrics;
pub(crate) use native::{NativeConnection, NativeCounters};
pub use push::PushMetrics;
pub(crate) use push::{Counted, EndedAttempt};
use text::counter;

use crate::backup::Backups;

/// Everything that is counted outside the core loop.
#[derive(Clone)]
pub struct Metrics {
    /// What the AWS API's listener counts.
    pub http: Arc<HttpMetrics>,
    /// What the listener of the native protocol counts.
    pub native: Arc<NativeMetrics>,
    /// What push delivery counts.
    pub push: Arc<PushMetrics>,
    /// What signs notifications.
    pub signer: Signer,
    /// The certificates of the listeners.
    pub certificates: Certificates,
    /// The backups that were made.
    pub backups: Backups,
}

impl Metrics {
    /// The text of `/metrics`. `inspection` is `None` while the broker recovers or has stopped: the metrics of core
    /// loop, log, queues and topics are then missing.
    #[must_use]
    pub fn text(&self, inspection: Option<Arc<Inspection>>) -> String {
        let mut registry = Registry::with_prefix("posthouse");
        registry.register_collector(Box::new(Scrape { metrics: self.clone(), inspection }));
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a String does not fail");
        text
    }
}

/// Everything at the moment of one scrape.
struct Scrape {
    metrics: Metrics,
    inspection: Option<Arc<Inspection>>,
}

impl core::fmt::Debug for Scrape {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), core::fmt::Error> {
        encoder
            .encode_descriptor("build_info", "The version that runs", None, MetricType::Gauge)?
            .encode_family(&[("version", env!("CARGO_PKG_VERSION"))])
            .and_then(|family| ConstGauge::new(1).encode(family))?;
        self.metrics.http.encode(&mut encoder)?;
        self.metrics.native.encode(&mut encoder)?;
        self.metrics.push.encode(&mut encoder)?;
        backups::encode(&self.metrics.backups, &mut encoder)?;
        let help = "Signatures of notifications that were made; one that was remembered is not made again";
        counter(&mut encoder, "notification_signatures", help, self.metrics.signer.made())?;
        let help = "Days until the certificate of a listener expires; less than zero once it has";
        let mut family = encoder.encode_descriptor("tls_certificate_expiry_days", help, None, MetricType::Gauge)?;
        for (listener, days) in self.metrics.certificates.days_left() {
            ConstGauge::new(days).encode(family.encode_family(&[("listener", listener)])?)?;
        }
        match &self.inspection {
            Some(inspection) => inspection::encode(inspection, &mut encoder),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use posthouse_model::Action;

    use super::*;
    use crate::answer_budget::AnswerBudget;
    use crate::core_client::Outbox;

    #[test]
    fn what_is_counted_is_in_the_text() {
        let metrics = Metrics {
            http: HttpMetrics::new(AnswerBudget::new(0, 0), 2),
            native: NativeMetrics::new(1),
            push: PushMetrics::new(),
            signer: Signer::awaiting(),
            certificates: Certificates::default(),
            backups: Backups::of(Path::new("/nowhere")),
        };
        let open = metrics.http.connection();
        metrics.http.connection_refused();
        let (_, mailboxes) = Outbox::new(2);
        let [one, two] = [0, 1].map(|shard: usize| metrics.http.of(mailboxes[shard].number()));
        one.request(Some(Action::SendMessage), None, Duration::from_millis(2));
        two.request(Some(Action::SendMessage), None, Duration::from_secs(30));
        one.request(None, Some("InvalidAction"), Duration::ZERO);
        two.request(None, Some("InvalidAction"), Duration::ZERO);
        two.request(None, Some("MissingAction"), Duration::ZERO);
        let text = metrics.text(None);
        for line in [
            r#"posthouse_requests_total{service="sqs",action="SendMessage",outcome="OK"} 2"#,
            r#"posthouse_requests_total{service="none",action="none",outcome="InvalidAction"} 2"#,
            r#"posthouse_requests_total{service="none",action="none",outcome="MissingAction"} 1"#,
            r#"posthouse_request_seconds_bucket{le="0.001",service="sqs",action="SendMessage"} 0"#,
            r#"posthouse_request_seconds_bucket{le="0.0025",service="sqs",action="SendMessage"} 1"#,
            r#"posthouse_request_seconds_bucket{le="+Inf",service="sqs",action="SendMessage"} 2"#,
            "posthouse_connections 1",
            "posthouse_notification_signatures_total 0",
            "posthouse_connections_refused_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        drop(open);
        assert!(metrics.text(None).contains("posthouse_connections 0"));
    }
}
