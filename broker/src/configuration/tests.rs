//! Valid configuration files, and the errors for invalid ones.

use std::collections::BTreeMap;
use std::path::Path;

use posthouse_model::Permissions;

use super::*;

fn load(source: &str) -> Result<Configuration, ConfigurationError> {
    Configuration::from_parts(Some(Path::new("posthouse.toml")), source, &BTreeMap::new(), &|_| None)
}

fn error(source: &str) -> String {
    load(source).expect_err(source).to_string()
}

/// A policy as a value of TOML.
const POLICY: &str = r#"{ Statement = [{ Effect = "Allow", Action = "sqs:SendMessage", Resource = "*" }] }"#;

const USER: &str = "[[users]]\nname = 'ann'\naccount = '111111111111'\naccess_key_id = 'A1'\nsecret_access_key = 's'\n";

/// A topic with a subscription, which begins in line 4.
fn subscribed(subscription: &str) -> String {
    format!("[[topics]]\nname = 'a'\n[[topics.subscriptions]]\n{subscription}")
}

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
        (&format!("{USER}policy = 3"), "line 6: invalid type: integer `3`, expected a policy as a table or as JSON"),
        (&format!("{USER}policy = []"), "line 6: user ann has 0 policies in `policy`; allowed: 1 to 10"),
        (&format!("{USER}policy = '{{'"), "line 6: user ann: policy: The policy is not valid JSON at line 1, column 2"),
        (&format!("{USER}policy = {{}}"), "line 6: user ann: policy: Missing required field Statement."),
        (&format!("{USER}\npolicy = [\n{POLICY},\n'[]']"), "line 9: user ann: policy: The policy must be a JSON obj"),
        (
            &format!("{USER}policy = {}", POLICY.replace("SendM", "SedM")),
            "line 6: user ann: policy, statement 1: Action sqs:SedMessage is unknown.",
        ),
        (
            &format!("{USER}[[users.policy.Statement]]\nEffect = 'Allow'\nAction = 'sns:*'\nResource = 'x'"),
            "user ann: policy, statement 1: Resource x must be an ARN or *.",
        ),
        (&format!("{USER}groups = []"), "line 6: `users.groups` has 0 names; allowed: 1 to 10"),
        (
            &format!("[[groups]]\nname = 'a'\npolicy = {POLICY}\n{USER}groups = [\n'a',\n'b']"),
            "line 11: `users.groups` is `b`; allowed: a",
        ),
        (
            &format!("{USER}policy = {POLICY}\n{}groups = ['a']", USER.replace("A1", "A2")),
            "line 8: user ann has `policy` or `groups` in two entries",
        ),
        (&format!("{}policy = {POLICY}", USER.replace("ann", "root")), "line 2: the user root is its account itself"),
        (
            &format!("require_user_policies = true\n{USER}"),
            "line 3: user ann has neither `policy` nor `groups`, and `require_user_policies` is true",
        ),
        ("[[groups]]\nname = 'a'", "line 1: missing field `policy`"),
        (&format!("[[groups]]\nname = 'a b'\npolicy = {POLICY}"), "line 2: `groups.name` is `a b`; allowed: 1 to 64"),
        (&format!("[[groups]]\nname = 'a'\npolicy = {POLICY}\n").repeat(2), "line 5: group a stands twice"),
        (
            &format!("[[groups]]\nname = 'a'\npolicy = {}", POLICY.replace("Allow", "allow")),
            "line 3: group a: policy, statement 1: Effect must be Allow or Deny.",
        ),
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
        ("[[topics]]\nname = 'a b'", "line 2: `topics.name` is `a b`; allowed: 1 to 256 letters"),
        ("[[topics]]\nname = 'a'\nregion = 'X'", "line 3: `topics.region` is `X`; allowed: 1 to 32"),
        ("[[topics]]\nname = 'a'\naccount = '1'", "line 3: `topics.account` is `1`; allowed: twelve digits"),
        ("[[topics]]\nname = 'a'\ncolour = 'red'", "line 3: unknown field `colour`"),
        ("[[topics]]\nname = 'a'\n[topics.attributes]\nColour = 1", "line 4: topic a: Invalid parameter: Attributes"),
        (
            "[[topics]]\nname = 'a'\n[topics.attributes]\nSignatureVersion = 3",
            "line 4: topic a: Invalid parameter: Attributes Reason: Sig",
        ),
        ("[[topics]]\nname = 'a.fifo'", "line 2: topic a.fifo: a name ends in .fifo exactly where FifoTopic is true"),
        ("[[topics]]\nname = 'a'\nattributes = { FifoTopic = true }", "line 2: topic a: a name ends in .fifo"),
        ("[[topics]]\nname = 'a'\ntags = { 'aws:x' = '' }", "line 2: topic a: Tag keys cannot start with"),
        (
            "[[topics]]\nname = 'a'\n[[topics]]\nname = 'a'",
            "line 4: topic arn:aws:sns:us-east-1:000000000000:a is declared twice",
        ),
        ("[[topics]]\nname = 'a'\n[[topics.subscriptions]]\nprotocol = 'sqs'", "missing field `endpoint`"),
        (
            &subscribed("protocol = 'pigeon'\nendpoint = 'b'"),
            "line 4: `topics.subscriptions.protocol` is `pigeon`; allowed: application, email,",
        ),
        (
            &subscribed("protocol = 'sqs'\nendpoint = 'a b'"),
            "line 5: topic a: `topics.subscriptions.endpoint` is `a b`: Invalid parameter: SQS endpoint ARN",
        ),
        (&subscribed("protocol = 'http'\nendpoint = 'https://x'"), "line 5: topic a: `topics.subscriptions.endpoint`"),
        (
            &subscribed("protocol = 'sqs'\nendpoint = 'q'\nattributes = { RawMessageDelivery = 1 }"),
            "line 6: topic a, subscription sqs arn:aws:sqs:us-east-1:000000000000:q: Invalid parameter: Attributes Reason: RawMessageD",
        ),
        (
            &subscribed("protocol = 'sqs'\nendpoint = 'q'\nattributes = { FilterPolicy = { a = [{ prefx = 'b' }] } }"),
            "line 6: topic a, subscription sqs arn:aws:sqs:us-east-1:000000000000:q: Invalid parameter: FilterPolicy: Unrecognized match",
        ),
        (
            &subscribed("protocol = 'sqs'\nendpoint = 'q'\nattributes = { FilterPolicy = { a = { b = ['c'] } } }"),
            "line 6: topic a, subscription sqs arn:aws:sqs:us-east-1:000000000000:q: Invalid parameter: Filter policy scope MessageAttributes",
        ),
        (
            &subscribed("protocol = 'sqs'\nendpoint = 'q'\nattributes = { Colour = 1 }"),
            "line 6: topic a, subscription sqs arn:aws:sqs:us-east-1:000000000000:q: Invalid parameter: Attributes",
        ),
        (
            &subscribed(
                "protocol = 'sqs'\nendpoint = 'q'\n[[topics.subscriptions]]\nprotocol = 'sqs'\n\
                 endpoint = 'arn:aws:sqs:us-east-1:000000000000:q'",
            ),
            "line 8: topic a: the sqs endpoint arn:aws:sqs:us-east-1:000000000000:q is subscribed twice",
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
fn a_role_is_that_of_a_user_whichever_of_its_entries_has_it() {
    let second_key = USER.replace("A1", "A2");
    let viewer = format!("{second_key}\nrole = 'viewer'");
    let roles = |source: &str| {
        let users = load(source).expect("valid").users;
        users.iter().map(|user| user.role).collect::<Vec<_>>()
    };
    assert_eq!(roles(USER), [None]);
    assert_eq!(roles(&format!("{USER}\n{viewer}")), [Some(Role::Viewer); 2]);
    let contradiction = format!("{USER}\nrole = 'operator'\n{viewer}");
    assert!(error(&contradiction).contains("has two roles"), "{}", error(&contradiction));
    let unknown = error(&format!("{USER}\nrole = 'admin'"));
    assert!(unknown.contains("`users.role` is `admin`; allowed: viewer, operator"), "{unknown}");
}

#[test]
fn policies_are_those_of_a_user_whichever_of_its_entries_has_them() {
    let second_key = USER.replace("A1", "A2");
    let bob = USER.replace("ann", "bob").replace("A1", "B1");
    let stranger = USER.replace("111111111111", "222222222222").replace("A1", "A3");
    let source = format!(
        r#"
        {USER}
        policy = [{POLICY}, '{{"Statement": {{"Effect": "Allow", "Action": ["kms:Decrypt", "sns:*"], "Resource": "*"}}}}']
        {second_key}
        {bob}
        groups = ['a', 'b']
        {stranger}
        [[groups]]
        name = 'a'
        [[groups.policy]]
        Version = '2012-10-17'
        [[groups.policy.Statement]]
        Effect = 'Allow'
        Action = '*'
        Resource = '*'
        [[groups.policy]]
        Statement = {{ Effect = 'Deny', Action = 'sqs:DeleteQueue', Resource = '*' }}
        [[groups]]
        name = 'b'
        policy = {POLICY}
        "#
    );
    let configuration = load(&source).expect("valid");
    let shown: Vec<_> = configuration.rights.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "user arn:aws:iam::111111111111:user/ann (A1, A2): own policies: 2; groups: none; without effect, as \
             actions of other services: kms:Decrypt",
            "user arn:aws:iam::111111111111:user/bob (B1): own policies: 0; groups: a, b",
            "user arn:aws:iam::222222222222:user/ann (A3): full access",
        ]
    );
    let permissions: Vec<_> = configuration.users.iter().map(|user| user.permissions).collect();
    let [first, second, bob, stranger] = permissions[..] else { panic!("four keys") };
    assert!(first == second && first != bob && first != Permissions::Full && stranger == Permissions::Full);
    let root = format!("require_user_policies = true\n{}", USER.replace("ann", "root"));
    assert!(load(&root).is_ok(), "the account itself is named as such");
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
fn a_declared_topic_takes_documents_as_tables_or_text_and_queues_by_their_names() {
    let source = r#"
        region = "eu-west-1"
        [[topics]]
        name = "orders.fifo"
        attributes = { FifoTopic = true, DisplayName = "Orders" }
        tags = { team = "shop" }
        [[topics.subscriptions]]
        protocol = "sqs"
        endpoint = "billing.fifo"
        attributes = { RawMessageDelivery = true, FilterPolicy = { kind = ["order", { prefix = "re" }], total = [{ numeric = [">", 1.5] }] } }
        [[topics.subscriptions]]
        protocol = "sqs"
        endpoint = "arn:aws:sqs:us-east-1:111111111111:audit.fifo"
        attributes = { FilterPolicyScope = "MessageBody", FilterPolicy = '{"a": [null]}' }
        [[topics]]
        name = "alarms"
        region = "us-west-2"
        account = "222222222222"
        [[topics.subscriptions]]
        protocol = "sqs"
        endpoint = "pager"
        [[topics.subscriptions]]
        protocol = "http"
        endpoint = "http://127.0.0.1:8080/hook"
        [topics.subscriptions.attributes]
        RedrivePolicy = { deadLetterTargetArn = "arn:aws:sqs:us-west-2:222222222222:dead" }
        [topics.subscriptions.attributes.DeliveryPolicy.healthyRetryPolicy]
        minDelayTarget = 1
        maxDelayTarget = 2
        numRetries = 5
    "#;
    let topics = load(source).expect("valid").topics;
    let shown: Vec<_> = topics
        .iter()
        .flat_map(|topic| {
            let tags = topic.tags.iter().map(|(key, value)| format!("tag {key}={value}"));
            let attributes = topic.attributes.iter().map(|(name, value)| format!("{name}={value}"));
            let subscriptions = topic.subscriptions.iter().flat_map(|subscription| {
                let endpoint = &subscription.endpoint;
                let attributes = subscription.attributes.iter().map(|(name, value)| format!("  {name}={value}"));
                [format!("{} {endpoint}", endpoint.protocol())].into_iter().chain(attributes)
            });
            [topic.address.to_string()].into_iter().chain(attributes).chain(tags).chain(subscriptions)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "arn:aws:sns:eu-west-1:000000000000:orders.fifo",
            "DisplayName=Orders",
            "FifoTopic=true",
            "tag team=shop",
            "sqs arn:aws:sqs:eu-west-1:000000000000:billing.fifo",
            r#"  FilterPolicy={"kind":["order",{"prefix":"re"}],"total":[{"numeric":[">",1.5]}]}"#,
            "  RawMessageDelivery=true",
            "sqs arn:aws:sqs:us-east-1:111111111111:audit.fifo",
            r#"  FilterPolicy={"a": [null]}"#,
            "  FilterPolicyScope=MessageBody",
            "arn:aws:sns:us-west-2:222222222222:alarms",
            "sqs arn:aws:sqs:us-west-2:222222222222:pager",
            "http http://127.0.0.1:8080/hook",
            r#"  DeliveryPolicy={"healthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":2,"numRetries":5,"numMaxDelayRetries":null,"numNoDelayRetries":null,"numMinDelayRetries":null,"backoffFunction":null},"sicklyRetryPolicy":null,"throttlePolicy":null,"requestPolicy":null,"guaranteed":false}"#,
            r#"  RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-west-2:222222222222:dead"}"#,
        ]
    );
}

#[test]
fn a_declared_topic_belongs_to_the_only_account_or_says_to_which() {
    let topic = "[[topics]]\nname = 't'\n";
    let other = USER.replace("A1", "A2").replace("111111111111", "222222222222");
    assert_eq!(load(&[USER, topic].concat()).expect("valid").topics[0].address.account.to_string(), "111111111111");
    assert!(error(&[USER, &other, topic].concat()).contains("topic t needs an `account`"));
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
fn a_listener_without_authentication_is_bound_to_loopback_unless_configured_otherwise() {
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
    let native = "[native]\nlisten = '0.0.0.0:9326'\n";
    assert!(error(native).contains("`native.listen` is 0.0.0.0:9326, which other machines reach"));
    for source in [&["allow_anonymous_network = true\n", native].concat(), &[native, USER].concat()] {
        assert!(load(source).is_ok(), "{source}");
    }
    assert_eq!(load("[native]\nlisten = ''").expect("off").settings.native.listen.get(), None);
}

#[test]
fn the_native_listener_has_a_certificate_with_its_key_and_a_silence_of_two_heartbeats() {
    let both = "certificate = 'c'\nkey = 'k'\n";
    for (source, message) in [
        ("[native.tls]\ncertificate = 'c'", "`native.tls.certificate` and `native.tls.key` must be set together"),
        ("[native.tls]\nkey = 'k'", "`native.tls.certificate` and `native.tls.key` must be set together"),
        ("[native.tls]\nclient_ca = 'c'", "`native.tls.client_ca` needs"),
        ("[native]\nheartbeat_seconds = 16", "`native.silence_seconds_max` is 30 and `native.heartbeat_seconds` 16"),
    ] {
        assert!(error(source).contains(message), "{source}: {}", error(source));
    }
    for source in [&format!("[native.tls]\n{both}"), &format!("[native.tls]\n{both}client_ca = 'c'"), ""] {
        assert!(load(source).is_ok(), "{source}");
    }
    assert!(load("[native]\nheartbeat_seconds = 15").is_ok());
}

#[test]
fn a_file_that_is_named_must_exist() {
    let missing = Path::new("no-such-file.toml");
    let message = Configuration::load(Some(missing), &BTreeMap::new(), &|_| None).expect_err("missing").to_string();
    assert!(message.contains("cannot read no-such-file.toml"), "{message}");
    let named = |name: &str| (name == FILE_VARIABLE).then(|| "no-such-file.toml".to_owned());
    assert!(Configuration::load(None, &BTreeMap::new(), &named).is_err());
}
