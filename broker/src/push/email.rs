//! E-mail over SMTP: for people (`email`) the message with a way to unsubscribe, for programs (`email-json`) the
//! envelope.

use std::sync::Arc;

use bytes::Bytes;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use posthouse_model::SubscriptionAddress;
use posthouse_model::operation::PushTarget;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::StartError;
use super::content::{Attempt, Confirmation, Content};
use super::envelope::Envelopes;
use super::http::ClientOptions;
use super::outcome::Outcome;
use super::smtp::{Server, ServerOptions, SmtpError};
use crate::configuration::{Email, EmailTls, Push};

/// The subject where the publisher gives none.
const SUBJECT: &str = "Notification Message";

/// The server that e-mail goes through.
pub(super) struct Mailer {
    server: Server,
    from: Mailbox,
}

impl Mailer {
    /// The configured server; `None` without one. `own` are the operator's certificate authorities, and `client` what it
    /// shares with the clients of endpoints.
    ///
    /// # Errors
    /// [`StartError`] if TLS cannot be set up.
    pub(super) fn new(
        email: &Email,
        own: &[CertificateDer<'static>],
        push: &Push,
        client: &ClientOptions,
    ) -> Result<Option<Self>, StartError> {
        let (Some(host), Some(from)) = (email.host.as_deref(), email.from.mailbox()) else { return Ok(None) };
        let failed = |error| StartError::new(format!("`push.email`: {error}"));
        let tls = || {
            let mut parameters = TlsParameters::builder(host.to_owned());
            for certificate in own {
                parameters = parameters.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
            }
            parameters.build_rustls()
        };
        let tls = match email.tls {
            EmailTls::None => Tls::None,
            EmailTls::StartTls => Tls::Required(tls().map_err(failed)?),
            EmailTls::Tls => Tls::Wrapper(tls().map_err(failed)?),
        };
        let port = u16::try_from(email.port.get()).expect("at most 65,535");
        let user = Some(email.user.as_str()).filter(|user| !user.is_empty());
        let server = Server::new(ServerOptions {
            resolver: client.lookups.resolver(host, port),
            tls,
            credentials: user.map(|user| Credentials::new(user.into(), email.password.expose().into())),
            connections_max: push.connections_per_endpoint.count(),
            timeout: push.timeout_seconds.seconds(),
            idle_max: client.idle_max,
            sockets: client.sockets.clone(),
        });
        Ok(Some(Self { server, from: from.clone() }))
    }

    /// Closes idle connections. Returns when the next one may be due; `None` without any.
    pub(super) fn expire(&self) -> Option<Instant> {
        self.server.expire()
    }

    /// Sends one message, and returns how that ended.
    pub(super) async fn deliver(&self, to: &Mailbox, parts: Parts<'_>, envelopes: &Envelopes) -> Outcome {
        let (subject, body) = (parts.subject(), parts.body(envelopes).await);
        let display_name = Some(&*parts.target.display_name).filter(|name| !name.is_empty());
        let name = display_name.map(str::to_owned).or_else(|| self.from.name.clone());
        let message = Message::builder()
            .from(Mailbox::new(name, self.from.email.clone()))
            .to(to.clone())
            .subject(subject)
            .header(parts.content_type())
            .body(body);
        let message = match message {
            Ok(message) => message,
            Err(error) => return Outcome::never(format!("the e-mail cannot be written: {error}")),
        };
        match self.server.send(&message).await {
            Ok(()) => Outcome::delivered(),
            Err(error) => {
                let reason = format!("the e-mail server: {error}");
                let error = match error {
                    SmtpError::Exchange(error) => error,
                    SmtpError::NoFile => return Outcome::unmade(reason),
                    SmtpError::Resolve(_) => return Outcome::later(reason),
                };
                let status = error.status().map(u16::from);
                let outcome = if error.is_permanent() { Outcome::never(reason) } else { Outcome::later(reason) };
                Outcome { status, ..outcome }
            }
        }
    }
}

/// What an e-mail is made of.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) subscription: &'a Arc<SubscriptionAddress>,
    pub(super) target: &'a PushTarget,
    pub(super) format: EmailFormat,
    pub(super) attempt: Attempt<'a>,
}

/// The two protocols of e-mail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EmailFormat {
    /// `email`: text for people.
    Text,
    /// `email-json`: the envelope.
    Json,
}

impl Parts<'_> {
    fn content_type(&self) -> ContentType {
        match self.format {
            EmailFormat::Text => ContentType::TEXT_PLAIN,
            EmailFormat::Json => ContentType::parse("application/json").expect("a media type"),
        }
    }

    fn subject(&self) -> String {
        match self.attempt.content {
            Content::Notification(notification) => notification.subject.as_deref().unwrap_or(SUBJECT).into(),
            Content::Confirmation(Confirmation::Subscription) => "Subscription Confirmation".into(),
            Content::Confirmation(Confirmation::Unsubscription) => "Subscription Deactivation".into(),
        }
    }

    async fn body(&self, envelopes: &Envelopes) -> String {
        let (subscription, message) = (self.subscription, self.attempt.message);
        match (self.attempt.content, self.format) {
            (Content::Notification(notification), EmailFormat::Json) => {
                text(&envelopes.notification(subscription, message, notification).await)
            }
            (Content::Confirmation(confirmation), EmailFormat::Json) => {
                let version = self.target.signature_version;
                text(&envelopes.confirmation(subscription, message, confirmation, version).await)
            }
            (Content::Notification(_), EmailFormat::Text) => self.notification_text(envelopes),
            (Content::Confirmation(confirmation), EmailFormat::Text) => self.confirmation_text(confirmation, envelopes),
        }
    }

    fn notification_text(&self, envelopes: &Envelopes) -> String {
        let message = self.attempt.message.message.body();
        let url = envelopes.unsubscribe_url(self.subscription);
        format!(
            "{message}\n\n--\nTo receive no more messages of {}, visit this address:\n{url}\n",
            self.subscription.topic.name
        )
    }

    fn confirmation_text(&self, confirmation: Confirmation, envelopes: &Envelopes) -> String {
        let topic = &self.subscription.topic;
        let url = envelopes.subscribe_url(self.subscription, self.attempt.message.message.body());
        match confirmation {
            Confirmation::Subscription => format!(
                "This address was subscribed to the topic\n{topic}\n\nTo receive its messages, visit this \
                 address:\n{url}\n\nIf you do not want them, do nothing: no message will follow.\n"
            ),
            Confirmation::Unsubscription => format!(
                "Your subscription to the topic\n{topic}\nhas ended. If that was not meant, visit this address to \
                 subscribe again:\n{url}\n"
            ),
        }
    }
}

fn text(envelope: &Bytes) -> String {
    String::from_utf8_lossy(envelope).into_owned()
}
