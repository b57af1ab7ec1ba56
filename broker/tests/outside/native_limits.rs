//! What an operator and a link itself limit on the native port: who gets a seat, who a proxy speaks for, how fast a link
//! receives, how many links there are, what a policy that changes ends, and how many producers are remembered.

mod producers;
mod seats;

use posthouse_wire::{AtEnd, Ends, FaultCode, TargetKind};
use serde_json::json;

use crate::shared::{ALICE, BOB, OPEN};
use crate::support::{Broker, Client, Launch, Native, eventually};

use producers::a_producer_that_was_forgotten_early_is_not_taken_for_a_new_one;
use seats::{
    an_idle_connection_makes_room_and_busy_ones_stay, clients_are_sent_to_the_broker_that_takes_over,
    handshakes_that_stand_still_make_room, no_connection_is_taken_beyond_busy_ones,
};

crate::cases! {
    a_link_receives_no_faster_than_its_rate,
    all_links_together_have_a_limit,
    links_are_counted_until_they_have_ended,
    a_proxy_says_who_a_native_client_is,
    what_is_no_proxy_header_closes_a_native_connection,
    a_policy_that_changes_ends_links,
    an_idle_connection_makes_room_and_busy_ones_stay,
    no_connection_is_taken_beyond_busy_ones,
    handshakes_that_stand_still_make_room,
    clients_are_sent_to_the_broker_that_takes_over,
    a_producer_that_was_forgotten_early_is_not_taken_for_a_new_one,
}

const ALICES: &str = "111111111111";
const BOBS: &str = "222222222222";

/// A broker with two users, of two accounts.
fn two_users(launch: Launch) -> Launch {
    launch.user("alice", ALICES, ALICE.0, ALICE.1).user("bob", BOBS, BOB.0, BOB.1)
}

/// Alice over HTTP.
fn alice(broker: &Broker) -> Client {
    broker.json_client().with_key(ALICE.0, ALICE.1)
}

fn a_link_receives_no_faster_than_its_rate() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    queue.send_all(&["a", "b", "c", "d"]);
    let mut native = Native::open(broker.native);
    // The first message needs no wait, the second one a thousand seconds.
    native.consumer_at(1, &queue.name, 0.001).expect("it exists");
    native.credit(1, 100);
    native.messages(1);
    let listed = native.call("sqs.ListQueues", &json!({ "QueueNamePrefix": queue.name }));
    assert!(listed.is_ok(), "nothing was delivered meanwhile: {listed:?}");
    assert_eq!(queue.counts(), [3, 1, 0]);
    // Another link has a rate of its own, and the rest comes at that.
    native.consumer_at(2, &queue.name, 50.0).expect("it exists");
    native.credit(2, 100);
    native.messages(3);
    assert_eq!(queue.counts(), [0, 4, 0]);
}

fn all_links_together_have_a_limit() {
    let broker = Launch::new().configured("[native]\nall_links_max = 1").start();
    let queue = broker.json_client().queue();
    let [mut first, mut second] = [(); 2].map(|()| Native::open(broker.native));
    let open = |native: &mut Native, link: u16| {
        let opened = native.producer(link, TargetKind::Queue, &queue.name, rand::random());
        opened.map(drop).map_err(|refused| (refused.code, refused.ends))
    };
    let refused = Err((FaultCode::TooManyLinks, Ends::Request));
    for native in [&mut first, &mut second] {
        assert_eq!([1, 2, 3, 4].map(|link| open(native, link)), [Ok(()); 4], "each connection has some of its own");
    }
    assert_eq!(open(&mut first, 5), Ok(()));
    assert_eq!(open(&mut second, 5), refused);
    first.close(1);
    assert_eq!(open(&mut second, 5), Ok(()), "there is room again");
    assert_eq!(open(&mut first, 1), refused);
    drop(second);
    eventually("the room of a connection that has ended", || open(&mut first, 1).ok());
}

/// A connection that breaks while messages are under way leaves no link behind.
fn links_are_counted_until_they_have_ended() {
    let broker = Launch::new().start();
    let queue = broker.json_client().queue();
    for _ in 0..20 {
        let mut native = Native::open(broker.native);
        native.producer(1, TargetKind::Queue, &queue.name, rand::random()).expect("it exists");
        native.consumer(2, &queue.name, AtEnd::GiveBack).expect("it exists");
        native.post(1, &Native::batch(1, &["under way"]));
    }
    eventually("no link is left", || broker.metrics().contains("native_links 0\n").then_some(()));
}

const LINE: &[u8] = b"PROXY TCP4 198.51.100.7 203.0.113.1 51234 9326\r\n";

/// A broker behind a proxy at the test's own address, and the native protocol without one.
fn behind_a_proxy() -> Broker {
    let launch = Launch::new().top("proxy_from = \"127.0.0.1\"").configured("[limits]\nheader_seconds_max = 1");
    two_users(launch).start()
}

/// A native connection through a proxy.
fn through(broker: &Broker, header: &[u8]) -> Native {
    let mut native = Native::connect(broker.native);
    native.write(header).expect("accepted");
    native
}

fn a_proxy_says_who_a_native_client_is() {
    let broker = behind_a_proxy();
    let mut owner = through(&broker, LINE);
    owner.hello(ALICE.0, Some(ALICE.1)).expect("alice");
    let condition = json!({ "IpAddress": { "aws:SourceIp": "198.51.100.0/24" } });
    let statement = json!({ "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", "Condition": condition });
    let attributes = json!({ "Policy": json!({ "Statement": [statement] }).to_string() });
    owner.call("sqs.CreateQueue", &json!({ "QueueName": "q", "Attributes": attributes })).expect("created");
    let target = format!("arn:aws:sqs:us-east-1:{ALICES}:q");
    for (header, expected) in [
        (LINE, Ok(0)),
        (b"PROXY TCP4 203.0.113.7 203.0.113.1 51234 9326\r\n", Err(FaultCode::AccessDenied)),
        (b"PROXY UNKNOWN\r\n", Err(FaultCode::AccessDenied)),
    ] {
        let mut native = through(&broker, header);
        native.hello(BOB.0, Some(BOB.1)).expect("bob");
        let opened = native.producer(1, TargetKind::Queue, &target, rand::random());
        assert_eq!(opened.map_err(|refused| refused.code), expected, "{}", header.escape_ascii());
    }
}

fn what_is_no_proxy_header_closes_a_native_connection() {
    let broker = behind_a_proxy();
    for header in [
        // A HELLO.
        &b"\x2a\0\0\0\x01\x01\0\0\x01\0\0\0\0\0\0\0PSTH"[..],
        b"PROXY TCP4 localhost 203.0.113.1 51234 9326\r\n",
        // It does not end within a second.
        b"PROXY TCP4 198.51",
    ] {
        through(&broker, header).is_closed();
    }
    through(&broker, LINE).hello(ALICE.0, Some(ALICE.1)).expect("others are served");
}

fn a_policy_that_changes_ends_links() {
    let broker = two_users(Launch::new()).start();
    let queue = alice(&broker).queue();
    let permit = |principal: &str| {
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Resource": "*",
            "Action": ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"] });
        queue.set(&[("Policy", &json!({ "Statement": [statement] }).to_string())]);
    };
    permit(BOBS);
    let mut native = Native::connect(broker.native);
    native.hello(BOB.0, Some(BOB.1)).expect("bob");
    let arn = queue.arn();
    native.producer(1, TargetKind::Queue, &arn, rand::random()).expect("it is permitted");
    native.consumer(2, &arn, AtEnd::GiveBack).expect("it is permitted");
    native.send(1, 1, &["first"]).expect("stored");
    native.credit(2, 100);
    native.messages(1);

    permit(ALICES);
    let refused = native.send(1, 2, &["second"]).expect_err("it is not permitted any more");
    assert_eq!((refused.code, refused.ends), (FaultCode::AccessDenied, Ends::Link));
    let refused = native.refusal();
    assert_eq!((refused.code, refused.ends), (FaultCode::AccessDenied, Ends::Link));
    queue.send("not for bob");
    eventually("what was delivered is given back", || (queue.counts() == [2, 0, 0]).then_some(()));
    let refused = native.consumer(2, &arn, AtEnd::GiveBack).expect_err("it is not permitted");
    assert_eq!((refused.code, refused.ends), (FaultCode::AccessDenied, Ends::Link));

    permit(BOBS);
    native.consumer(2, &arn, AtEnd::GiveBack).expect("it is permitted again");
    native.credit(2, 100);
    native.messages(2);
}
