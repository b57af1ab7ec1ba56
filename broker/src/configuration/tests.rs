//! What a configuration file may say, and what is answered where it says something else.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

fn load(source: &str) -> Result<Configuration, ConfigurationError> {
    Configuration::from_parts(Some(Path::new("posthouse.toml")), source, &BTreeMap::new(), &|_| None)
}

fn error(source: &str) -> String {
    load(source).expect_err(source).to_string()
}

const USER: &str = "[[users]]\nname = 'ann'\naccount = '111111111111'\naccess_key_id = 'A1'\nsecret_access_key = 's'\n";

#[test]
fn an_empty_file_and_no_file_mean_the_same() {
    let none = Configuration::from_parts(None, "", &BTreeMap::new(), &|_| None).expect("valid");
    assert_eq!(load("").expect("valid").settings, none.settings);
}

#[test]
fn sections_flags_and_environment_meet_in_the_settings() {
    let source = "region = 'eu-west-1'\ndurability = 'async'\n[limits]\nconnections_max = 5\ninbox_length = 16\n";
    let flags = BTreeMap::from([("limits.connections_max".to_owned(), "7".to_owned())]);
    let environment = |name: &str| match name {
        "POSTHOUSE_LIMITS_CONNECTIONS_MAX" => Some("6".to_owned()),
        "POSTHOUSE_LIMITS_INBOX_LENGTH" => Some("32".to_owned()),
        _ => None,
    };
    let path = Some(Path::new("posthouse.toml"));
    let settings = Configuration::from_parts(path, source, &flags, &environment).expect("valid").settings;
    assert_eq!(settings.general.region.as_str(), "eu-west-1");
    assert_eq!(settings.general.durability, Durability::Async);
    assert_eq!(settings.limits.connections_max.get(), 7);
    assert_eq!(settings.limits.inbox_length.get(), 32);
}

#[test]
fn an_error_names_file_line_key_and_what_is_allowed() {
    for (source, expected) in [
        (
            "\n[limits]\nconnections_max = 0",
            "posthouse.toml line 3: `limits.connections_max` is `0`; allowed: 1 to 1000000",
        ),
        ("durability = 'none'", "posthouse.toml line 1: `durability` is `none`; allowed: fsync, async"),
        ("\nlisten = 9324", "posthouse.toml line 2: `listen` is `a integer"),
        ("[limits]\ninbox_length = '16'", "line 2: `limits.inbox_length` is `a text where a integer is expected`"),
        ("[limits]\ninbox_length = 0x20", "line 2: `limits.inbox_length` is"),
        ("[rules]\nx = 1", "line 2: unknown key `rules.x`; known here: purge_interval_seconds, queue_deleted"),
        ("lisen = ''", "line 1: unknown key `lisen`; known here: listen, "),
        ("[limit]\n", "line 1: unknown key `limit`"),
        ("region = 'x'\nregion = 'y'", "line 2: duplicate key"),
        ("region = ", "line 1: "),
        ("[[users]]\nnam = 'x'", "line 2: unknown field `nam`"),
        ("[[users]]\nname = 'x'", "line 1: missing field `account`"),
        ("users = 3", "line 1: "),
        (&USER.replace("'ann'", "'a b'"), "line 2: `users.name` is `a b`; allowed: 1 to 64 letters"),
        (&USER.replace("111111111111", "1"), "line 3: `users.account` is `1`; allowed: twelve digits"),
        (&USER.replace("'A1'", "''"), "line 4: `users.access_key_id` is ``"),
        (&USER.replace("'s'", "''"), "line 5: `users.secret_access_key` is empty"),
        (&[USER, USER].concat(), "line 9: `users.access_key_id` `A1` stands twice"),
        ("[[queues]]\nname = 'a b'", "line 2: `queues.name` is `a b`"),
        ("[[queues]]\nname = 'a'\n[queues.attributes]\nColour = 1", "line 4: queue a: Unknown Attribute Colour."),
        (
            "[[queues]]\nname = 'a'\n[queues.attributes]\nDelaySeconds = 901",
            "line 2: queue a: Invalid value for the parameter DelaySeconds.",
        ),
        ("[[queues]]\nname = 'a.fifo'", "line 2: queue a.fifo: a name ends in .fifo exactly where FifoQueue is true"),
        (
            "[[queues]]\nname = 'a'\n[[queues]]\nname = 'a'",
            "line 4: queue arn:aws:sqs:us-east-1:000000000000:a is declared twice",
        ),
    ] {
        let message = error(source);
        assert!(message.contains(expected), "{source}\ngave: {message}\nnot:  {expected}");
    }
}

#[test]
fn a_user_may_have_several_keys_and_no_secret_is_shown() {
    let configuration = load(&[USER, &USER.replace("A1", "A2")].concat()).expect("valid");
    assert_eq!(configuration.users.len(), 2);
    assert_eq!(configuration.users[0].name, configuration.users[1].name);
    assert!(!format!("{configuration:?}").contains("\"s\""), "the secret is hidden");
}

#[test]
fn a_declared_queue_takes_numbers_booleans_and_tables_and_follows_its_dead_letter_queue() {
    let source = r#"
        region = "eu-west-1"
        [[queues]]
        name = "orders"
        attributes = { VisibilityTimeout = 60, SqsManagedSseEnabled = true, RedrivePolicy = { maxReceiveCount = 3, deadLetterTargetArn = "arn:aws:sqs:eu-west-1:000000000000:dead" } }
        tags = { team = "shop" }
        [[queues]]
        name = "dead"
    "#;
    let queues = load(source).expect("valid").queues;
    let names: Vec<_> = queues.iter().map(|queue| queue.address.to_string()).collect();
    assert_eq!(names, ["arn:aws:sqs:eu-west-1:000000000000:dead", "arn:aws:sqs:eu-west-1:000000000000:orders"]);
    assert_eq!(queues[1].attributes.get(posthouse_model::QueueAttributeName::VisibilityTimeout), Some("60"));
    assert_eq!(queues[1].tags.iter().collect::<Vec<_>>(), [("team", "shop")]);
}

#[test]
fn a_declared_queue_belongs_to_the_only_account_or_says_to_which() {
    let queue = "[[queues]]\nname = 'q'\n";
    let address = |source: &str| load(source).expect("valid").queues[0].address.account.to_string();
    assert_eq!(address(queue), "000000000000");
    assert_eq!(address(&[USER, queue].concat()), "111111111111");
    let other = USER.replace("A1", "A2").replace("111111111111", "222222222222");
    assert!(error(&[USER, &other, queue].concat()).contains("needs an `account`"));
    assert_eq!(address(&[USER, &other, queue, "account = '222222222222'"].concat()), "222222222222");
}

#[test]
fn a_listener_that_authenticates_nobody_is_bound_to_loopback_unless_told_otherwise() {
    let open = "0.0.0.0:9324";
    for (listen, admin, users, allowed, starts) in [
        ("127.0.0.1:1", "127.0.0.1:2", false, false, true),
        ("127.9.9.9:1", "[::1]:2", false, false, true),
        ("[::ffff:127.0.0.1]:1", "127.0.0.1:2", false, false, true),
        (open, "127.0.0.1:2", false, false, false),
        ("[::]:9324", "127.0.0.1:2", false, false, false),
        ("192.168.1.1:9324", "127.0.0.1:2", false, false, false),
        (open, "127.0.0.1:2", true, false, true),
        (open, "127.0.0.1:2", false, true, true),
        ("127.0.0.1:1", "0.0.0.0:2", false, false, false),
        (open, "0.0.0.0:2", true, false, false),
        (open, "0.0.0.0:2", true, true, true),
    ] {
        let users = if users { USER } else { "" };
        let source =
            format!("listen = '{listen}'\nadmin_listen = '{admin}'\nallow_anonymous_network = {allowed}\n{users}");
        assert_eq!(load(&source).is_ok(), starts, "{source}");
    }
    assert!(error(&format!("listen = '{open}'")).contains("allow_anonymous_network"), "the way out is named");
}

#[test]
fn a_file_that_is_named_must_exist() {
    let missing = Path::new("no-such-file.toml");
    let message = Configuration::load(Some(missing), &BTreeMap::new(), &|_| None).expect_err("missing").to_string();
    assert!(message.contains("cannot read no-such-file.toml"), "{message}");
    let named = |name: &str| (name == FILE_VARIABLE).then(|| "no-such-file.toml".to_owned());
    assert!(Configuration::load(None, &BTreeMap::new(), &named).is_err());
}
