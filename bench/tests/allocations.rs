//! How often the codec of the JSON protocol allocates memory for the requests that every message needs. A change that adds
//! an allocation to one of them fails here, and says so in this table if it is meant.

use allocation_counter::measure;
use posthouse_bench::{Signed, aws, message, received};
use posthouse_model::operation::{Reply, Sent};

const QUEUE: &str = "http://127.0.0.1:9324/000000000000/standard";

/// What a request allocates from its bytes to the call, and its answer from the reply to the response.
#[test]
fn a_request_and_its_answer_allocate_little() {
    let body = "x".repeat(256);
    let sealed = message("standard", 1);
    let sent = Reply::SendMessage(Sent { id: sealed.id(), digests: sealed.digests(), sequence_number: None });
    let one = Reply::ReceiveMessage(vec![received(1)]);
    let ten = Reply::ReceiveMessage((0..10).map(received).collect());
    for (action, input, reply, decoding, encoding) in [
        // The call, and the message as it is stored. The body of the response, and the id of the request in a header.
        ("SendMessage", format!(r#"{{"QueueUrl":"{QUEUE}","MessageBody":"{body}"}}"#), sent, 2, 2),
        // The call. The body, its reference count, and the header.
        ("ReceiveMessage", format!(r#"{{"QueueUrl":"{QUEUE}"}}"#), one, 1, 3),
        // The list of attributes besides.
        (
            "ReceiveMessage",
            format!(r#"{{"QueueUrl":"{QUEUE}","MaxNumberOfMessages":10,"MessageSystemAttributeNames":["All"]}}"#),
            ten,
            2,
            3,
        ),
    ] {
        let aws = aws();
        let request = Signed::json(action, &input);
        // The key of the signature is derived once.
        let decoded = request.decode(&aws).expect("valid");
        let reply = Ok(reply);
        // The bodies are shared from their first use on, as slices of the log are.
        drop(decoded.encoder.encode(&reply));
        let headers = request.headers();
        let counted = measure(|| drop(request.decode(&aws)));
        assert_eq!(counted.count_total, decoding, "decoding {action}");
        let counted = measure(|| drop(decoded.encoder.encode(&reply).into_http(headers)));
        assert_eq!(counted.count_total, encoding, "encoding the answer to {action}");
    }
}
