//! `docs/protocol.md` is enough to write a client in another language: one was written from it in Python, with nothing but
//! the standard library, and works.

use std::process::Command;

use serde_json::{Value, json};

use crate::shared::{ALICE, OPEN, USERS};
use crate::support::{Broker, Queue, python};

crate::cases! {
    a_client_of_the_document_has_every_message_once,
    a_client_of_the_document_keeps_the_order_of_a_fifo_queue,
    a_client_of_the_document_proves_its_secret,
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outside/native_python/client.py");

/// Runs the script on a queue. Returns what it says, after a look at what holds for every queue.
fn session(broker: &Broker, queue: &Queue, credentials: &[&str]) -> Value {
    let mut command = Command::new("python3");
    command.arg("-I").arg(SCRIPT).arg(broker.native.to_string()).arg(&queue.name).args(credentials);
    let said = python::run(&mut command);
    let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error} in {said}"));
    assert_eq!(said["arn"], queue.arn());
    assert_eq!(said["left"], json!(["0", "0"]));
    let unknown = posthouse_wire::FaultCode::UnknownDelivery.number();
    assert_eq!(said["exceptions"], json!([[1, 1, unknown], [999, 2, unknown]]));
    // The fourth message was refused.
    let sent = said["sent"].as_array().expect("a list");
    assert_eq!((sent.len(), &sent[3]["name"]), (6, &json!("InvalidMessageContents")));
    assert_eq!(queue.counts(), [0, 0, 0]);
    said
}

/// A field of each of these, the fourth message left out.
fn all<'a>(of: &'a Value, field: &str) -> Vec<&'a str> {
    let of = of.as_array().expect("a list");
    of.iter().filter(|each| each["fault"].is_null()).map(|each| each[field].as_str().expect("text")).collect()
}

fn a_client_of_the_document_has_every_message_once() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    let said = session(&broker, &queue, &[]);
    // The ids of the client are those of the broker, although they do not cross when messages are sent.
    assert_eq!(all(&said["sent"], "id"), all(&said["received"], "id"));
    let bodies = ["message 1", "message 2", "message 3", "message 5", "message 6"];
    assert_eq!(all(&said["received"], "body"), bodies);
    assert_eq!(said["received"][0]["attributes"], json!({"n": ["Number", "1"], "b": ["Binary", "01ff"]}));
    assert_eq!(said["received"][4]["receive_count"], 1);
}

fn a_client_of_the_document_keeps_the_order_of_a_fifo_queue() {
    let broker = OPEN.get();
    let queue = broker.json_client().fifo(&[]);
    let said = session(&broker, &queue, &[]);
    let numbered = |of: &Value| {
        let mut both: Vec<_> = all(of, "sequence_number").into_iter().zip(all(of, "id")).collect();
        both.sort_unstable();
        both.into_iter().map(|(number, id)| (number.to_owned(), id.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(numbered(&said["sent"]), numbered(&said["received"]));
    for group in ["g0", "g1"] {
        let received = said["received"].as_array().expect("a list");
        let bodies: Vec<_> = received.iter().filter(|message| message["group"] == group).collect();
        let expected: &[&str] =
            if group == "g0" { &["message 2", "message 6"] } else { &["message 1", "message 3", "message 5"] };
        assert!(bodies.iter().map(|message| &message["body"]).eq(expected), "{bodies:?}");
    }
}

fn a_client_of_the_document_proves_its_secret() {
    let broker = USERS.get();
    let queue = broker.json_client().with_key(ALICE.0, ALICE.1).queue();
    let said = session(&broker, &queue, &[ALICE.0, ALICE.1]);
    assert_eq!(all(&said["received"], "sender").len(), 5);
    let mut command = Command::new("python3");
    command.arg("-I").arg(SCRIPT).arg(broker.native.to_string()).arg(&queue.name).args([ALICE.0, "wrong"]);
    let output = command.output().expect("Python");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("NotAuthenticated"), "{said}");
}
