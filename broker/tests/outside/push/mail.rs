//! Subscriptions by e-mail, with a mail server of the test.

use serde_json::{Value, json};

use super::caller;
use crate::support::mailbox::{Mail, Mailbox};
use crate::support::{Broker, Launch, Topic};

fn broker(mailbox: &Mailbox) -> Broker {
    let (host, port) = (mailbox.address.ip(), mailbox.address.port());
    let settings =
        format!("host = \"{host}\"\nport = {port}\ntls = \"none\"\nfrom = \"Posthouse <posthouse@mail.test>\"");
    Launch::new().configured(&format!("[push.email]\n{settings}")).start()
}

/// The first link in a mail that has this in it.
#[track_caller]
fn link(mail: &Mail, part: &str) -> String {
    let links = mail.text.split([' ', '\n', '\r', '<', '>', '"']).filter(|word| word.starts_with("http://"));
    let found = links.filter(|word| word.contains(part)).map(str::to_owned).next();
    found.unwrap_or_else(|| panic!("no link with {part} in {}", mail.text))
}

/// The JSON in a mail's body.
#[track_caller]
fn json_of(mail: &Mail) -> Value {
    let (_, body) = mail.text.split_once("\n\n").expect("a mail has a body");
    serde_json::from_str(body.trim()).unwrap_or_else(|error| panic!("{error} in {}", mail.text))
}

fn header<'a>(mail: &'a Mail, name: &str) -> &'a str {
    let prefix = format!("{name}: ");
    mail.text.lines().find_map(|line| line.strip_prefix(&*prefix)).unwrap_or_else(|| panic!("{name} of {}", mail.text))
}

pub(super) fn mail_is_confirmed_and_delivered() {
    let mailbox = Mailbox::start();
    let broker = broker(&mailbox);
    let topic: Topic = caller(&broker).topic();
    topic.set("DisplayName", "Orders");
    let subscription = topic.subscribe("email", "reader@mail.test", &[]);
    let asked = mailbox.await_mail("reader@mail.test", &["ConfirmSubscription"]);
    assert!(header(&asked, "From").contains("posthouse@mail.test"), "{}", asked.text);
    assert!(header(&asked, "From").contains("Orders"), "{}", asked.text);
    assert_eq!(broker.follow(&link(&asked, "Action=ConfirmSubscription")).status, 200);
    assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("false"));
    topic.publish_with(json!({ "Message": "The order has been sent.", "Subject": "Order 1" }));
    let mail = mailbox.await_mail("reader@mail.test", &["The order has been sent."]);
    assert_eq!(header(&mail, "Subject"), "Order 1");
    assert_eq!(broker.follow(&link(&mail, "Action=Unsubscribe")).status, 200);
    subscription.refused("GetSubscriptionAttributes", json!({})).expect("NotFound");
}

pub(super) fn mail_may_be_json() {
    let mailbox = Mailbox::start();
    let broker = broker(&mailbox);
    let topic = caller(&broker).topic();
    topic.subscribe("email-json", "program@mail.test", &[]);
    let asked = json_of(&mailbox.await_mail("program@mail.test", &["SubscriptionConfirmation"]));
    topic.ok("ConfirmSubscription", json!({ "Token": asked["Token"] }));
    let id = topic.publish("for a program");
    let envelope = json_of(&mailbox.await_mail("program@mail.test", &["for a program"]));
    assert_eq!((&envelope["MessageId"], &envelope["Message"]), (&json!(id), &json!("for a program")));
    assert!(envelope["Signature"].as_str().is_some_and(|signature| !signature.is_empty()));
}
