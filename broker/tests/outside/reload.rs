//! SIGHUP: what a broker takes over from its configuration while clients are connected, what it refuses, and what it names.

use posthouse_wire::{FaultCode, Reason};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::endpoint::Arrival;
use crate::support::{Broker, Client, Endpoint, Launch, Native, Queue, eventually};

crate::cases! {
    users_are_replaced_while_they_are_connected,
    policies_are_replaced,
    secrets_may_stand_in_files,
    native_clients_of_other_users_stay,
    a_wrong_file_changes_nothing,
    what_needs_a_restart_is_named,
    the_log_filter_is_replaced,
    gateways_are_replaced,
    declared_queues_are_created_and_compared,
    a_declaration_that_fails_withholds_no_user,
    a_signal_ends_a_broker_that_reloads,
    a_storm_of_reloads_disturbs_no_client,
}

const ACCOUNT: &str = "111122223333";

fn user(name: &str, key: &str, secret: &str) -> String {
    format!(
        "[[users]]\nname = \"{name}\"\naccount = \"{ACCOUNT}\"\naccess_key_id = \"{key}\"\nsecret_access_key = \"{secret}\"\n"
    )
}

fn root() -> String {
    user("root", "AKIAROOT", "root's secret")
}

/// Ann, who may do these actions of SQS.
fn ann(actions: &[&str]) -> String {
    let policy = json!({ "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] });
    format!("{}policy = '{policy}'\n", user("ann", "AKIAANN", "ann's secret"))
}

fn client(broker: &Broker, key: &str, secret: &str) -> Client {
    broker.json_client().with_key(key, secret)
}

fn list() -> Value {
    json!({})
}

fn users_are_replaced_while_they_are_connected() {
    let mut broker = Launch::new().configured(&format!("{}{}", root(), user("bob", "AKIABOB", "old"))).start();
    // Each client has a connection from here on.
    let (old, new) = (client(&broker, "AKIABOB", "old"), client(&broker, "AKIABOB", "new"));
    let carol = client(&broker, "AKIACAROL", "carol's");
    old.ok("ListQueues", &list());
    new.refused("ListQueues", &list()).expect("SignatureDoesNotMatch");
    carol.refused("ListQueues", &list()).expect("InvalidClientTokenId");
    let users = format!("{}{}{}", root(), user("bob", "AKIABOB", "new"), user("carol", "AKIACAROL", "carol's"));
    broker.reconfigure(&users);
    let said = broker.reload();
    assert!(said.contains("users (now 3)"), "{said}");
    old.refused("ListQueues", &list()).expect("SignatureDoesNotMatch");
    new.ok("ListQueues", &list());
    carol.ok("ListQueues", &list());
    broker.reconfigure(&root());
    broker.reload();
    carol.refused("ListQueues", &list()).expect("InvalidClientTokenId");
    client(&broker, "AKIAROOT", "root's secret").ok("ListQueues", &list());
}

fn secrets_may_stand_in_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("bob");
    std::fs::write(&path, "first\n").expect("written");
    let entry = user("bob", "AKIABOB", "x").replace("secret_access_key = \"x\"", "");
    let entry = format!("{entry}secret_access_key_file = \"{}\"\n", path.display());
    let mut broker = Launch::new().configured(&entry).start();
    client(&broker, "AKIABOB", "first").ok("ListQueues", &list());
    std::fs::write(&path, "second").expect("written");
    broker.reload();
    client(&broker, "AKIABOB", "second").ok("ListQueues", &list());
    client(&broker, "AKIABOB", "first").refused("ListQueues", &list()).expect("SignatureDoesNotMatch");
    std::fs::remove_file(&path).expect("removed");
    let said = broker.reload();
    assert!(said.contains("not reloaded") && said.contains("`users.secret_access_key_file`"), "{said}");
    client(&broker, "AKIABOB", "second").ok("ListQueues", &list());
}

fn policies_are_replaced() {
    let mut broker = Launch::new().configured(&format!("{}{}", root(), ann(&["sqs:ListQueues"]))).start();
    let queue = Queue::create(&client(&broker, "AKIAROOT", "root's secret"), "kept", &[]);
    let caller = client(&broker, "AKIAANN", "ann's secret");
    let mine = queue.as_seen_by(&caller);
    caller.ok("ListQueues", &list());
    mine.refused("SendMessage", json!({ "MessageBody": "m" })).expect("AccessDenied");
    // Aaron comes before Ann, in the order in which users are numbered at a start.
    let aaron = ann(&["sqs:DeleteQueue"]).replace("ann", "aaron").replace("ANN", "AARON");
    broker.reconfigure(&format!("{}{aaron}{}", root(), ann(&["sqs:SendMessage"])));
    let said = broker.reload();
    assert!(said.contains("users (now 3)"), "{said}");
    mine.send("allowed now");
    caller.refused("ListQueues", &list()).expect("AccessDenied");
    // Without policies a user may do everything.
    broker.reconfigure(&format!("{}{}", root(), user("ann", "AKIAANN", "ann's secret")));
    broker.reload();
    caller.ok("ListQueues", &list());
    mine.gives(&["allowed now"]);
}

fn native_clients_of_other_users_stay() {
    let both = format!("{}{}", root(), user("bob", "AKIABOB", "bob's"));
    let mut broker = Launch::new().configured(&format!("{both}{}", user("eve", "AKIAEVE", "eve's"))).start();
    let connect = |key: &str, secret: &str| {
        let mut native = Native::connect(broker.native);
        native.hello(key, Some(secret)).expect("a user");
        native
    };
    let (mut root, mut bob, mut eve) =
        (connect("AKIAROOT", "root's secret"), connect("AKIABOB", "bob's"), connect("AKIAEVE", "eve's"));
    let limited = user("bob", "AKIABOB", "bob's")
        + "policy = { Statement = [{ Effect = \"Allow\", Action = \"sqs:*\", Resource = \"*\" }] }\n";
    broker.reconfigure(&format!("{}{limited}", self::root()));
    broker.reload();
    root.call("sqs.ListQueues", &json!({})).expect("it is as it was");
    assert_eq!(bob.goes_away(), (Reason::Stopping, String::new()), "it may do less, and connects again");
    assert_eq!(eve.refusal().code, FaultCode::NotAuthenticated);
    Native::connect(broker.native).hello("AKIAEVE", Some("eve's")).expect_err("her key was removed");
}

fn a_wrong_file_changes_nothing() {
    let good = root();
    let mut broker = Launch::new().configured(&good).start();
    let caller = client(&broker, "AKIAROOT", "root's secret");
    let queue = caller.queue();
    let other = user("root", "AKIAOTHER", "other");
    for (wrong, why) in [
        (format!("{other}[[users]\n"), "line 6"),
        (format!("{other}nonsense = 1\n"), "unknown field `nonsense`"),
        (format!("log = \"infoo\"\n{other}"), "`log`"),
        (format!("{other}[push]\nca_file = \"/no/such/file\"\n"), "/no/such/file"),
        (format!("{other}[push.email]\nhost = \"localhost\"\n"), "`push.email.from` is empty"),
        (String::new(), "whether there are [[users]]"),
        (format!("{other}groups = [\"none\"]\n"), "has no `policy` and no `groups`"),
    ] {
        broker.reconfigure(&wrong);
        let said = broker.reload();
        assert!(said.contains("not reloaded: everything is as it was"), "{wrong}\n{said}");
        assert!(said.contains(why), "{wrong}\n{said}");
        queue.send("m");
    }
    broker.reconfigure(&good);
    let said = broker.reload();
    assert!(said.contains("reloaded: nothing has changed"), "{said}");
    broker.stop();
}

fn what_needs_a_restart_is_named() {
    let mut broker = Launch::new().start();
    broker.reconfigure("region = \"eu-west-1\"\n[limits]\nconnections_max = 7\n[push]\ntimeout_seconds = 3\n");
    for _ in 0..2 {
        let said = broker.reload();
        assert!(said.contains("need a restart"), "{said}");
        assert!(said.contains("region, limits.connections_max"), "{said}");
        assert!(!said.contains("restart have changed: they have no effect yet settings=push"), "{said}");
    }
    assert!(broker.log().contains("push.timeout_seconds"), "{}", broker.log());
    broker.stop();
}

fn the_log_filter_is_replaced() {
    let mut broker = Launch::new().start();
    let client = broker.json_client();
    client.ok("ListQueues", &list());
    assert!(!broker.log().contains("DEBUG"), "{}", broker.log());
    broker.reconfigure("log = \"info,posthouse::listener=debug\"\n");
    let said = broker.reload();
    assert!(said.contains("changed=\"log\""), "{said}");
    client.ok("ListQueues", &list());
    eventually("a request is logged", || broker.log().contains("action=\"ListQueues\"").then_some(()));
    broker.reconfigure("log = \"warn\"\n");
    broker.signal(Signal::HUP);
    eventually("it has been reloaded", || {
        let before = broker.log().len();
        client.ok("ListQueues", &list());
        (broker.log().len() == before).then_some(())
    });
}

fn gateways_are_replaced() {
    let (first, second) = (Endpoint::start(), Endpoint::start());
    let gateway = |endpoint: &Endpoint| format!("[push.sms]\nurl = \"{}\"\n", endpoint.url("/sms"));
    let mut broker = Launch::new().configured(&gateway(&first)).start();
    let sns = broker.json_client().sns();
    let publish = |text: &str| drop(sns.ok("Publish", &json!({ "PhoneNumber": "+15550100100", "Message": text })));
    let arrived = |endpoint: &Endpoint, text: &str| {
        endpoint.until(text, |arrivals: &[Arrival]| {
            arrivals.iter().any(|arrival| arrival.json().to_string().contains(text)).then_some(())
        });
    };
    publish("to the first");
    arrived(&first, "to the first");
    broker.reconfigure(&gateway(&second));
    let said = broker.reload();
    assert!(said.contains("push.sms.url"), "{said}");
    publish("to the second");
    arrived(&second, "to the second");
    assert_eq!(first.arrivals().len(), 1);
    broker.stop();
}

fn declared_queues_are_created_and_compared() {
    let declared = |name: &str, seconds: u32| {
        format!("[[queues]]\nname = \"{name}\"\nattributes = {{ VisibilityTimeout = {seconds} }}\n")
    };
    let mut broker = Launch::new().configured(&declared("first", 10)).start();
    let client = broker.json_client();
    let exists = |name: &str| client.call("GetQueueUrl", &json!({ "QueueName": name })).is_ok();
    broker.reconfigure(&format!("{}{}", declared("first", 10), declared("second", 20)));
    let said = broker.reload();
    assert!(said.contains("declared queues and topics"), "{said}");
    assert!(exists("second"));
    // The first is wrong, so that the third is not created.
    broker.reconfigure(&format!("{}{}", declared("third", 30), declared("first", 11)));
    let said = broker.reload();
    assert!(said.contains("reloaded, but for declared queues") && said.contains("VisibilityTimeout"), "{said}");
    assert!(!exists("third"), "queues are compared before one is made");
    broker.stop();
}

fn a_declaration_that_fails_withholds_no_user() {
    let declared = |seconds: u32| {
        format!("[[queues]]\nname = \"q\"\naccount = \"{ACCOUNT}\"\nattributes = {{ VisibilityTimeout = {seconds} }}\n")
    };
    let bobs = user("bob", "AKIABOB", "bob's");
    let mut broker = Launch::new().configured(&format!("{}{bobs}{}", root(), declared(10))).start();
    let bob = client(&broker, "AKIABOB", "bob's");
    bob.ok("ListQueues", &list());
    broker.reconfigure(&format!("{}{}", root(), declared(11)));
    for _ in 0..2 {
        let said = broker.reload();
        assert!(said.contains("reloaded, but for declared queues"), "{said}");
        bob.refused("ListQueues", &list()).expect("InvalidClientTokenId");
    }
    broker.stop();
}

fn a_signal_ends_a_broker_that_reloads() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("secret");
    std::fs::write(&path, "s").expect("written");
    let entry = user("bob", "AKIABOB", "x").replace("secret_access_key = \"x\"", "");
    let entry = format!("{entry}secret_access_key_file = \"{}\"\n", path.display());
    let mut broker = Launch::new().configured(&entry).start();
    // A pipe without a writer: the reload does not end.
    std::fs::remove_file(&path).expect("removed");
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
    assert!(made.success());
    broker.signal(Signal::HUP);
    eventually("it reloads", || broker.log().contains("reading the configuration").then_some(()));
    client(&broker, "AKIABOB", "s").ok("ListQueues", &list());
    broker.stop();
}

fn a_storm_of_reloads_disturbs_no_client() {
    let users = |last: u32| format!("{}{}", root(), user("bob", "AKIABOB", &format!("secret {last}")));
    let mut broker = Launch::new().configured(&users(0)).start();
    let queue = client(&broker, "AKIAROOT", "root's secret").queue();
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| (0..200).for_each(|number| drop(queue.send(&number.to_string()))));
        for number in 1.. {
            broker.reconfigure(&users(number));
            broker.signal(Signal::HUP);
            if sender.is_finished() {
                break;
            }
        }
        sender.join().expect("each send is answered");
    });
    broker.reconfigure(&users(7));
    broker.reload();
    eventually("the last file counts", || {
        client(&broker, "AKIABOB", "secret 7").call("ListQueues", &list()).is_ok().then_some(())
    });
    assert!(!broker.log().contains("not reloaded"), "{}", broker.log());
    assert_eq!(queue.counts(), [200, 0, 0]);
    broker.stop();
}
