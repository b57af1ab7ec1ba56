//! An AWS-compatible endpoint: address, credentials and protocol, read from the URL of a target.

use crate::target::Failure;
use crate::targets::Address;

/// The region of signatures if the URL names none.
const DEFAULT_REGION: &str = "us-east-1";

/// The service of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::targets) enum Service {
    /// Queues.
    Sqs,
    /// Topics.
    Sns,
}

/// The protocol of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::targets) enum Protocol {
    /// AWS JSON 1.0: the action in `X-Amz-Target`, members as JSON.
    Json,
    /// AWS Query: action and members as a form, responses in XML.
    Query,
}

/// One service at one address, with the credentials for it.
#[derive(Clone)]
pub(in crate::targets) struct Endpoint {
    pub(in crate::targets) host: String,
    pub(in crate::targets) port: u16,
    pub(in crate::targets) service: Service,
    pub(in crate::targets) protocol: Protocol,
    pub(in crate::targets) region: String,
    pub(in crate::targets) access_key_id: String,
    pub(in crate::targets) secret: String,
}

impl Service {
    /// Its name in signatures.
    pub(in crate::targets) const fn signing_name(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Sns => "sns",
        }
    }

    /// The prefix of `X-Amz-Target`.
    pub(in crate::targets) const fn json_target(self) -> &'static str {
        match self {
            Self::Sqs => "AmazonSQS",
            Self::Sns => "AmazonSimpleNotificationService",
        }
    }

    /// The `Version` of Query calls.
    pub(in crate::targets) const fn query_version(self) -> &'static str {
        match self {
            Self::Sqs => "2012-11-05",
            Self::Sns => "2010-03-31",
        }
    }

    /// The protocol of AWS's own clients. SNS has no JSON protocol at AWS, and few compatible servers have one.
    const fn default_protocol(self) -> Protocol {
        match self {
            Self::Sqs => Protocol::Json,
            Self::Sns => Protocol::Query,
        }
    }
}

impl Endpoint {
    /// Reads a target's URL. Credentials are those of the URL, otherwise those of `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`, otherwise `test` and `test`.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] for a URL without a port, with a path, or with unknown parameters.
    pub(in crate::targets) fn from_address(address: &Address, service: Service) -> Result<Self, Failure> {
        let [protocol, region] = address.parameters(["protocol", "region"])?;
        let protocol = match protocol.as_deref() {
            None => service.default_protocol(),
            Some("json") => Protocol::Json,
            Some("query") => Protocol::Query,
            Some(other) => {
                return Err(Failure::Unsupported(format!("{address}: protocol `{other}`; known are json, query")));
            }
        };
        if !matches!(address.url().path(), "" | "/") {
            return Err(Failure::Unsupported(format!("{address}: an endpoint has no path")));
        }
        let port = address.url().port();
        let port = port.ok_or_else(|| Failure::Unsupported(format!("{address} has no port")))?;
        let (host, port) = address.host_and_port(port)?;
        let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let (access_key_id, secret) = address.credentials().unwrap_or_else(credentials_of_environment);
        for (what, text) in [("region", &region), ("access key", &access_key_id)] {
            // They are written into headers without encoding.
            if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Failure::Unsupported(format!("{address}: the {what} is not printable ASCII")));
            }
        }
        Ok(Self { host, port, service, protocol, region, access_key_id, secret })
    }

    /// The value of `Host`.
    pub(in crate::targets) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The access key and its secret, for a URL without.
pub(in crate::targets) fn credentials_of_environment() -> (String, String) {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(key), Some(secret)) => (key, secret),
        _ => ("test".to_owned(), "test".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, service: Service) -> Result<Endpoint, Failure> {
        Endpoint::from_address(&url.parse().expect(url), service)
    }

    #[test]
    fn urls_say_where_who_and_how() {
        let endpoint = read("sqs+http://AK%2FIA:se%3Acret@[::1]:9324?protocol=query&region=eu-west-1", Service::Sqs);
        let endpoint = endpoint.expect("read");
        assert_eq!(endpoint.authority(), "[::1]:9324");
        assert_eq!((endpoint.access_key_id.as_str(), endpoint.secret.as_str()), ("AK/IA", "se:cret"));
        assert_eq!((endpoint.protocol, endpoint.region.as_str()), (Protocol::Query, "eu-west-1"));
    }

    #[test]
    fn what_the_url_leaves_out_is_the_usual() {
        let sqs = read("sqs+http://localhost:1", Service::Sqs).expect("read");
        assert_eq!((sqs.authority().as_str(), sqs.protocol), ("localhost:1", Protocol::Json));
        assert_eq!(sqs.region, "us-east-1");
        assert_eq!(read("sns+http://localhost:1", Service::Sns).expect("read").protocol, Protocol::Query);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for url in [
            "sqs+http://localhost",
            "sqs+http://localhost:1/queue",
            "sqs+http://localhost:1?protocol=xml",
            "sqs+http://localhost:1?protokoll=json",
            "sqs+http://a%0Ab:c@localhost:1",
            "sqs+http://localhost:1?region=",
        ] {
            assert!(matches!(read(url, Service::Sqs), Err(Failure::Unsupported(_))), "{url}");
        }
    }
}
