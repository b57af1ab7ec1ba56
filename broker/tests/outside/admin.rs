//! The admin API: who may call it, and what it answers.

mod live;
mod queues;
mod topics;

use serde_json::json;

use crate::shared::OPEN;
use crate::support::Launch;
use crate::support::admin::Admin;
use live::{
    a_browser_logs_in_and_out, a_push_endpoint_is_shown_and_tried_now, a_session_ends_with_the_secret_of_its_user,
    events_are_sent_each_second, probes_may_need_a_role, the_storage_and_damage_are_shown,
};
use queues::{
    a_body_that_is_too_long_is_not_read, a_listing_of_messages_is_bounded_in_bytes,
    a_queue_is_shown_with_its_relations, bad_input_to_queues_is_refused, messages_are_sent_redriven_and_purged,
    queues_are_sorted_filtered_and_cut_by_the_broker,
};
use topics::{a_topic_says_who_would_get_a_message, bad_input_to_topics_is_refused};

crate::cases! {
    without_users_programs_on_this_machine_may_do_everything,
    each_route_needs_its_role,
    damage_and_backups_need_a_role_where_there_are_users,
    what_a_proxy_passes_on_is_of_no_program_on_this_machine,
    a_wrong_signature_is_refused,
    a_page_of_another_origin_is_refused,
    answers_hold_no_secret_and_no_page_may_use_them,
    listings_are_cut_into_pages,
    what_is_not_understood_is_refused,
    queues_are_sorted_filtered_and_cut_by_the_broker,
    a_queue_is_shown_with_its_relations,
    a_listing_of_messages_is_bounded_in_bytes,
    a_body_that_is_too_long_is_not_read,
    messages_are_sent_redriven_and_purged,
    bad_input_to_queues_is_refused,
    a_topic_says_who_would_get_a_message,
    bad_input_to_topics_is_refused,
    a_push_endpoint_is_shown_and_tried_now,
    events_are_sent_each_second,
    a_browser_logs_in_and_out,
    the_storage_and_damage_are_shown,
    probes_may_need_a_role,
    a_session_ends_with_the_secret_of_its_user,
}

/// Access keys of users with the roles that their names say, and their secrets.
const OPERATOR: (&str, &str) = ("AKIDOPERATOR", "secret of the operator");
const VIEWER: (&str, &str) = ("AKIDVIEWER", "secret of the viewer");
const NONE: (&str, &str) = ("AKIDNONE", "secret of none");

/// A broker with a user of each role, and one without.
fn with_roles() -> Launch {
    Launch::new()
        .user("olga", "111111111111", OPERATOR.0, OPERATOR.1)
        .configured("role = \"operator\"")
        .user("victor", "222222222222", VIEWER.0, VIEWER.1)
        .configured("role = \"viewer\"")
        .user("nina", "111111111111", NONE.0, NONE.1)
}

fn without_users_programs_on_this_machine_may_do_everything() {
    let broker = OPEN.get();
    let overview = broker.admin_api().get("/v1/overview");
    assert_eq!(overview["stage"], "serving", "{overview}");
    assert_eq!(overview["authenticates"], false, "{overview}");
    assert!(overview["state"]["queues"]["count"].is_u64(), "{overview}");
    assert_eq!(broker.admin_api().get("/v1/users"), json!({"items": [], "next": null}));
}

/// Every route of `docs/openapi.json`, with parameters that name nothing.
fn routes() -> Vec<(String, String, String)> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let document = std::fs::read_to_string(document).expect("the document");
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods").iter().filter(|(key, _)| *key != "parameters") {
            let path = path.replace("{account}", "111111111111").replace("{name}", "none").replace("{id}", "none");
            let role = operation["x-role"].as_str().expect("a role");
            routes.push((method.to_uppercase(), path, role.to_owned()));
        }
    }
    routes
}

fn each_route_needs_its_role() {
    let broker = with_roles().start();
    let anonymous = broker.admin_api();
    let (none, viewer) = (anonymous.clone().with_key(NONE), anonymous.clone().with_key(VIEWER));
    for (method, path, role) in routes() {
        if role == "none" {
            continue;
        }
        let refused = |who: &Admin| who.refused(&method, &path, "{}");
        assert_eq!(refused(&anonymous), (401, "unauthorized".into()), "{method} {path}");
        assert_eq!(refused(&none), (403, "forbidden".into()), "{method} {path}");
        match role.as_str() {
            // It is answered without an end.
            "viewer" if path == "/v1/events" => {}
            "viewer" => assert_ne!(viewer.call(&method, &path, "{}").0, 403, "{method} {path}"),
            "operator" => assert_eq!(refused(&viewer), (403, "forbidden".into()), "{method} {path}"),
            other => panic!("no role: {other}"),
        }
    }
    let operator = anonymous.clone().with_key(OPERATOR);
    let users = operator.get("/v1/users");
    let roles: Vec<_> = users["items"].as_array().expect("items").iter().map(|user| &user["role"]).collect();
    assert_eq!(roles, [&json!(null), &json!("operator"), &json!("viewer")], "{users}");
    assert_eq!(
        anonymous.refused("GET", "/v1/nothing", ""),
        (401, "unauthorized".into()),
        "no route is listed to others"
    );
}

fn damage_and_backups_need_a_role_where_there_are_users() {
    let broker = with_roles().start();
    let anonymous = broker.admin_api();
    let status = |admin: &Admin, method: &str, path: &str| admin.exchange(&admin.request(method, path, "")).status;
    for (method, path, anyone, viewer, operator) in [
        ("GET", "/damaged", 401, 200, 200),
        ("DELETE", "/damaged", 401, 403, 200),
        ("GET", "/backup", 401, 403, 200),
        ("DELETE", "/backup", 401, 403, 409),
        ("PUT", "/backup", 401, 403, 400),
    ] {
        let expected = [anyone, 403, viewer, operator];
        let admins = [None, Some(NONE), Some(VIEWER), Some(OPERATOR)]
            .map(|key| key.map_or_else(|| anonymous.clone(), |key| anonymous.clone().with_key(key)));
        assert_eq!(admins.map(|admin| status(&admin, method, path)), expected, "{method} {path}");
    }
}

fn what_a_proxy_passes_on_is_of_no_program_on_this_machine() {
    let admin = OPEN.get().admin_api();
    for header in ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"] {
        for path in ["/v1/overview", "/damaged", "/backup"] {
            let request = admin.request("GET", path, "").header(header, "203.0.113.7");
            assert_eq!(admin.exchange(&request).status, 403, "{header} {path}");
        }
    }
}

fn a_wrong_signature_is_refused() {
    let broker = with_roles().start();
    let refused = |admin: &Admin| admin.refused("GET", "/v1/overview", "");
    let unauthorized = (401, "unauthorized".to_owned());
    let admin = broker.admin_api();
    assert_eq!(refused(&admin.clone().with_key((OPERATOR.0, "another secret"))), unauthorized);
    assert_eq!(refused(&admin.clone().with_key(("AKIDNOBODY", OPERATOR.1))), unauthorized);
    assert_eq!(refused(&admin.clone().with_key(OPERATOR).for_service("sqs")), unauthorized);
    let operator = admin.with_key(OPERATOR);
    let mut request = operator.request("GET", "/v1/overview", "");
    request.target = "/v1/configuration".into();
    assert_eq!(operator.exchange(&request).status, 401, "the signature is of another path");
    let mut request = operator.request("GET", "/v1/overview", "");
    request.body = b"{}".to_vec();
    assert_eq!(operator.exchange(&request).status, 401, "the signature is of another body");
    let mut request = operator.request("POST", "/v1/overview", "");
    request.set("Content-Length", "3000000");
    assert_eq!(operator.exchange(&request).status, 413, "no body of this length is waited for");
}

fn a_page_of_another_origin_is_refused() {
    let broker = OPEN.get();
    let admin = broker.admin_api();
    let with = |method: &str, headers: &[(&str, &str)]| {
        let mut request = admin.request(method, "/v1/overview", "");
        headers.iter().for_each(|(name, value)| request.set(name, value));
        admin.exchange(&request).status
    };
    let own = format!("http://{}", broker.admin);
    for (headers, read, change) in [
        (&[("Origin", "https://evil.example")][..], 403, 403),
        (&[("Origin", "null")], 403, 403),
        (&[("Sec-Fetch-Site", "cross-site")], 403, 403),
        (&[("Sec-Fetch-Site", "same-site")], 403, 403),
        (&[("Accept-Language", "en"), ("Referer", "http://evil.example/")], 200, 403),
        (&[("Cookie", "a=b")], 200, 403),
        // There is no such change: those that pass the check of the page reach the table of routes.
        (&[("Sec-Fetch-Site", "same-origin")], 200, 405),
        (&[("Origin", &own)], 200, 405),
        (&[], 200, 405),
        (&[("Host", "evil.example:9325"), ("Accept-Language", "en")], 403, 403),
    ] {
        assert_eq!((with("GET", headers), with("POST", headers)), (read, change), "{headers:?}");
    }
}

fn answers_hold_no_secret_and_no_page_may_use_them() {
    let broker = with_roles()
        .configured("[push.email]\nhost = \"mail.test\"\nfrom = \"a@mail.test\"\npassword = \"hush\"")
        .start();
    let operator = broker.admin_api().with_key(OPERATOR);
    for path in ["/v1/users", "/v1/configuration", "/v1/overview"] {
        let answer = operator.exchange(&operator.request("GET", path, ""));
        assert_eq!(answer.status, 200, "{path}");
        for secret in [OPERATOR.1, VIEWER.1, NONE.1, "hush"] {
            assert!(!answer.text().contains(secret), "{path}: {}", answer.text());
        }
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let configuration = operator.get("/v1/configuration");
    let settings = configuration["settings"].as_array().expect("settings");
    let of = |name: &str| settings.iter().find(|setting| setting["name"] == name).expect("the setting");
    assert_eq!(of("push.email.password")["value"], "(hidden)");
    assert_eq!(of("push.email.host")["origin"]["kind"], "file");
    assert_eq!(of("admin_listen")["origin"], json!({"kind": "flag", "flag": "admin-listen"}));
    assert_eq!(of("region")["origin"], json!({"kind": "default"}));
    assert_eq!(configuration["declared"], json!({"users": 3, "queues": 0, "topics": 0}));
}

fn listings_are_cut_into_pages() {
    let broker = with_roles().start();
    let viewer = broker.admin_api().with_key(VIEWER);
    let (mut seen, mut target) = (Vec::new(), "/v1/users?limit=1".to_owned());
    loop {
        let page = viewer.get(&target);
        let items = page["items"].as_array().expect("items");
        seen.extend(items.iter().map(|user| user["arn"].as_str().expect("an ARN").to_owned()));
        match page["next"].as_str() {
            Some(next) => target = format!("/v1/users?limit=1&after={next}"),
            None => break,
        }
    }
    let names = ["111111111111:user/nina", "111111111111:user/olga", "222222222222:user/victor"];
    assert_eq!(seen, names.map(|name| format!("arn:aws:iam::{name}")));
}

fn what_is_not_understood_is_refused() {
    let admin = OPEN.get().admin_api();
    for (method, target, status, code) in [
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/users", 405, "method_not_allowed"),
        ("GET", "/v1/users?limit=0", 400, "bad_request"),
        ("GET", "/v1/users?limit=1001", 400, "bad_request"),
        ("GET", "/v1/users?limit=-1", 400, "bad_request"),
        ("GET", "/v1/users?limit=ten", 400, "bad_request"),
        ("GET", "/v1/users?after=%FF", 400, "bad_request"),
        ("GET", "/v1/users?after=no_cursor!", 400, "bad_request"),
        ("GET", "/v1/users?colour=red", 400, "bad_request"),
    ] {
        assert_eq!(admin.refused(method, target, ""), (status, code.to_owned()), "{method} {target}");
    }
}
