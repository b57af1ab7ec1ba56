//! TLS and QUIC: the same protocol, and what certificates decide.

use posthouse_wire::{Address, AtEnd, Ends, FaultCode, Prove, TargetKind, Verb};
use serde_json::json;

use crate::shared::ALICE;
use crate::support::certificates::{Certificates, Quic, Shows, over_tls};
use crate::support::{Broker, Client, Launch, Native, Queue, eventually};

/// A broker with a user and a certificate.
fn secured(certificates: &Certificates) -> Launch {
    certificates.configured(Launch::new().user("alice", "111111111111", ALICE.0, ALICE.1))
}

fn client(broker: &Broker) -> Client {
    broker.json_client().with_key(ALICE.0, ALICE.1)
}

#[track_caller]
fn sends_and_receives(control: &mut Native, producer: &mut Native, consumer: &mut Native, queue: &Queue) {
    assert_eq!(control.call("sqs.ListQueues", &json!({ "QueueNamePrefix": queue.name })).map(drop), Ok(()));
    producer.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
    let large = "x".repeat(600_000);
    producer.send(1, 1, &["encrypted"]).expect("stored");
    producer.send(1, 2, &[&large]).expect("stored");
    consumer.consumer(2, &queue.name, AtEnd::GiveBack).expect("it exists");
    consumer.credit(2, 2);
    let mut bodies: Vec<_> = consumer.messages(2).into_iter().map(|message| message.body).collect();
    bodies.sort();
    assert_eq!(bodies, ["encrypted", &large]);
    assert_eq!(consumer.settle(2, &[(Verb::Delete, 1, 2)]), Ok(vec![]));
    assert_eq!(queue.counts(), [0, 0, 0]);
}

pub(super) fn tls_protects_a_connection_and_binds_its_proofs() {
    let certificates = Certificates::new();
    let broker = secured(&certificates).start();
    let queue = client(&broker).queue();
    let config = certificates.client(Shows::Nothing);
    let mut native = over_tls(broker.native, &config);
    native.hello(ALICE.0, Some(ALICE.1)).expect("alice");
    let [mut producer, mut consumer] = [(); 2].map(|()| {
        let mut native = over_tls(broker.native, &config);
        native.hello(ALICE.0, Some(ALICE.1)).expect("alice");
        native
    });
    sends_and_receives(&mut native, &mut producer, &mut consumer, &queue);

    let mut relayed = over_tls(broker.native, &config);
    relayed.forget_exporter();
    assert_eq!(
        relayed.hello(ALICE.0, Some(ALICE.1)).expect_err("not of this session").code,
        FaultCode::NotAuthenticated
    );

    let mut plain = Native::connect(broker.native);
    plain.write(&[0; 64]).expect("connected");
    assert!(plain.ends_without_a_frame(), "without TLS there is nothing to say");
}

pub(super) fn quic_carries_a_link_a_stream() {
    let certificates = Certificates::new();
    let broker = secured(&certificates).start();
    let queue = client(&broker).queue();
    let quic = Quic::connect(broker.native, &certificates.client(Shows::Nothing)).expect("the handshake succeeds");
    let mut control = quic.open();
    assert!(!quic.may_open(), "one stream before the hello");
    control.hello(ALICE.0, Some(ALICE.1)).expect("alice");
    let (mut producer, mut consumer) = (quic.open(), quic.open());
    sends_and_receives(&mut control, &mut producer, &mut consumer, &queue);

    // A link that does not read blocks no other.
    let body = "x".repeat(200_000);
    for number in 3..60 {
        producer.send(1, number, &[&body]).expect("stored");
    }
    let mut idle = quic.open();
    idle.consumer(7, &queue.name, AtEnd::GiveBack).expect("it exists");
    idle.credit(7, 1_000_000);
    eventually("messages are on their way", || (queue.counts()[1] > 0).then_some(()));
    producer.send(1, 60, &["beside it"]).expect("stored");
    consumer.credit(2, 4);
    consumer.messages(2);

    // What ends the connection is said on its first stream.
    quic.open().put(Address::CONNECTION, &Prove { proof: None });
    let refused = control.refusal();
    assert_eq!((refused.code, refused.ends), (FaultCode::UnexpectedFrame, Ends::Connection));
    drop(control);
    quic.ended();
    eventually("everything is visible again", || (queue.counts() == [58, 0, 0]).then_some(()));
}

pub(super) fn clients_without_a_certificate_are_refused_where_one_is_asked_for() {
    let certificates = Certificates::new();
    let broker = certificates.asks_clients(secured(&certificates)).start();
    let shows = certificates.client(Shows::Certificate);
    over_tls(broker.native, &shows).hello(ALICE.0, Some(ALICE.1)).expect("alice");
    let quic = Quic::connect(broker.native, &shows).expect("the handshake succeeds");
    quic.open().hello(ALICE.0, Some(ALICE.1)).expect("alice");
    let wrong = over_tls(broker.native, &shows).hello(ALICE.0, Some("wrong")).expect_err("a certificate is no secret");
    assert_eq!(wrong.code, FaultCode::NotAuthenticated);

    let nothing = certificates.client(Shows::Nothing);
    let mut refused = over_tls(broker.native, &nothing);
    let _ = refused.write(&[0; 16]);
    assert!(refused.ends_without_a_frame());
    let stranger = Certificates::new().client(Shows::Certificate);
    assert!(Quic::connect(broker.native, &stranger).is_none(), "the client trusts another authority");
    let quic = Quic::connect(broker.native, &nothing);
    if let Some(quic) = quic {
        quic.ended();
    }
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
}

pub(super) fn a_certificate_that_cannot_be_read_is_named() {
    for (file, setting) in [("broker.pem", "native.tls.certificate"), ("broker.key", "native.tls.key")] {
        let certificates = Certificates::new();
        certificates.lose(file);
        let said = certificates.configured(Launch::new()).fails();
        assert!(said.contains(setting) && said.contains(file), "{said}");
    }
}
