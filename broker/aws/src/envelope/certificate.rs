//! Where the certificate of a signing key is found, and whom it is made out to.

use crate::protocol::host::is_aws_region;
use crate::protocol::public_url::PublicUrl;

/// The names that the certificate of notifications bears where its URL begins with `url`, that of its subject first:
/// the URL's host.
///
/// The host of an endpoint of SNS, `sns.REGION.DOMAIN`, stands behind the names that AWS's certificates of that region
/// bear: `sns.DOMAIN`, `sns-signing.REGION.DOMAIN` and `sns-REGION.DOMAIN`. AWS's SDKs for Java look for one of them,
/// depending on the region; both regions of GovCloud have the names of the western one.
#[must_use]
pub fn certificate_names(url: &PublicUrl) -> Vec<String> {
    let host = url.host();
    let endpoint = host.strip_prefix("sns.").and_then(|rest| rest.split_once('.'));
    let Some((region, domain)) = endpoint.filter(|(region, _)| is_aws_region(region)) else {
        return vec![host.to_owned()];
    };
    let signing_region = if region == "us-gov-east-1" { "us-gov-west-1" } else { region };
    vec![
        format!("sns.{domain}"),
        host.to_owned(),
        format!("sns-signing.{region}.{domain}"),
        format!("sns-{signing_region}.{domain}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (url, names) in [
            ("https://hooks.example.com:8443/x", &["hooks.example.com"][..]),
            ("https://sns.example.com", &["sns.example.com"]),
            ("https://127.0.0.1", &["127.0.0.1"]),
            ("https://[::1]:80", &["::1"]),
            (
                "https://sns.eu-west-1.amazonaws.com",
                &[
                    "sns.amazonaws.com",
                    "sns.eu-west-1.amazonaws.com",
                    "sns-signing.eu-west-1.amazonaws.com",
                    "sns-eu-west-1.amazonaws.com",
                ],
            ),
            (
                "https://sns.us-gov-east-1.amazonaws.com",
                &[
                    "sns.amazonaws.com",
                    "sns.us-gov-east-1.amazonaws.com",
                    "sns-signing.us-gov-east-1.amazonaws.com",
                    "sns-us-gov-west-1.amazonaws.com",
                ],
            ),
        ] {
            assert_eq!(certificate_names(&url.parse().expect("valid")), names, "{url}");
        }
    }
}
