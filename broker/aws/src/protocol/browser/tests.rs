//! What browsers send for pages, and what programs send, as tables: which of it is refused where there are no users.

use super::*;

fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn check(hosts: &AllowedHosts, parts: &Parts) -> Result<(), BrowserFault> {
    hosts.check(parts, Host::of(parts).expect("a host"))
}

/// A POST to `host` with these headers.
fn post(host: &str, headers: &[(&str, &str)]) -> Parts {
    request("POST", "/", &[&[("host", host)], headers].concat())
}

const OWN: &[&str] = &[
    "localhost:9324",
    "queues.localhost",
    "127.0.0.1:9324",
    "192.168.1.5",
    "[::1]:9324",
    "posthouse:9324",
    "my_broker",
    "host.docker.internal:9324",
    "posthouse.queues.svc.cluster.local",
    "broker.home.arpa",
];
const FOREIGN: &[&str] = &[
    "evil.example.com:9324",
    "sqs.us-east-1.amazonaws.com",
    "posthouse.queues.svc",
    "127.0.0.1.nip.io",
    "notlocalhost.com",
    "xlocal.com",
];

#[test]
fn a_program_may_call_the_broker_by_any_name() {
    let node = [("accept-language", "*"), ("sec-fetch-mode", "cors"), ("user-agent", "node")];
    let botocore = [("accept-encoding", "identity"), ("user-agent", "Boto3/1.42 Mozilla/5.0")];
    for host in OWN.iter().chain(FOREIGN) {
        for headers in [&[][..], &node, &botocore] {
            let parts = post(host, headers);
            assert_eq!(check(&AllowedHosts::default(), &parts), Ok(()), "{host} {headers:?}");
            assert!(!AllowedHosts::default().is_rebound(&parts));
        }
    }
}

#[test]
fn a_page_of_another_site_is_refused_at_every_name() {
    use BrowserFault::{OtherSite, UnknownSite};
    for host in OWN.iter().chain(FOREIGN) {
        for (headers, fault) in [
            (&[("origin", "http://evil.example")][..], OtherSite("Origin")),
            (&[("origin", "null")], OtherSite("Origin")),
            (&[("origin", "http://localhost:1")], OtherSite("Origin")),
            (&[("origin", "\u{fc}")], OtherSite("Origin")),
            (&[("sec-fetch-site", "cross-site")], OtherSite("Sec-Fetch-Site")),
            (&[("sec-fetch-site", "same-site")], OtherSite("Sec-Fetch-Site")),
            (&[("sec-fetch-site", "")], OtherSite("Sec-Fetch-Site")),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], OtherSite("Sec-Fetch-Site")),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], OtherSite("Sec-Fetch-Site")),
            (&[("accept-language", "de")], UnknownSite),
            (&[("accept-language", "*")], UnknownSite),
            (&[("referer", "http://evil.example/")], UnknownSite),
            (&[("cookie", "a=b")], UnknownSite),
        ] {
            assert_eq!(check(&AllowedHosts::default(), &post(host, headers)), Err(fault), "{host} {headers:?}");
        }
    }
}

#[test]
fn a_page_of_the_same_host_is_refused_where_its_name_may_be_an_attackers() {
    for (hosts, fault) in [(OWN, None), (FOREIGN, Some(BrowserFault::ForeignHost))] {
        for host in hosts {
            let origin = format!("http://{host}");
            for header in [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none"), ("origin", &*origin)] {
                let parts = post(host, &[header]);
                assert_eq!(check(&AllowedHosts::default(), &parts).err(), fault, "{host} {header:?}");
                assert_eq!(AllowedHosts::default().is_rebound(&parts), fault.is_some());
            }
        }
    }
    let public: PublicUrl = "https://Queues.example.com/sqs".parse().expect("a URL");
    let hosts = AllowedHosts::new(vec![], Some(&public));
    assert_eq!(check(&hosts, &post("queues.example.COM:443", &[("sec-fetch-site", "same-origin")])), Ok(()));
}

#[test]
fn listed_names_exclude_all_others() {
    let hosts = AllowedHosts::new(vec!["queues.example.com".into(), ".svc".into()], None);
    for host in ["queues.example.com", "QUEUES.example.com.:9324", "a.b.svc", "svc", "localhost", "127.0.0.1", "[::1]"]
    {
        assert_eq!(check(&hosts, &post(host, &[])), Ok(()), "{host}");
    }
    for host in ["x.queues.example.com", "example.com", "svc.example.com", "posthouse", "asvc", "h.local"] {
        assert_eq!(check(&hosts, &post(host, &[])), Err(BrowserFault::HostNotAllowed), "{host}");
    }
    let page = post("queues.example.com", &[("sec-fetch-site", "cross-site")]);
    assert_eq!(check(&hosts, &page), Err(BrowserFault::OtherSite("Sec-Fetch-Site")));
}

#[test]
fn the_links_of_notifications_may_be_followed_from_anywhere() {
    let headers = [("host", "evil.example"), ("sec-fetch-site", "cross-site")];
    for (method, target, taken) in [
        ("GET", "/?Action=ConfirmSubscription&Token=x", true),
        ("GET", "/?Action=Unsubscribe&SubscriptionArn=x", true),
        ("GET", "/?Action=DeleteTopic&Action=Unsubscribe", false),
        ("GET", "/?Action=DeleteQueue", false),
        ("GET", "/?Action=%zz", false),
        ("POST", "/?Action=Unsubscribe", false),
    ] {
        assert_eq!(
            check(&AllowedHosts::default(), &request(method, target, &headers)).is_ok(),
            taken,
            "{method} {target}"
        );
    }
}
