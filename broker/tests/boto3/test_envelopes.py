"""Signatures of notifications and confirmations, checked as SNS's documentation describes: with the certificate that
the envelope names, over the text that its kind prescribes."""

import base64
import http.server
import json
import queue as queues
import threading
import urllib.request
import uuid

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

NOTIFICATION = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
CONFIRMATION = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
HASHES = {"1": hashes.SHA1(), "2": hashes.SHA256()}


def verify(envelope):
    """Raises unless the envelope's signature is valid."""
    names = NOTIFICATION if envelope["Type"] == "Notification" else CONFIRMATION
    text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
    with urllib.request.urlopen(envelope["SigningCertURL"]) as answer:
        certificate = x509.load_pem_x509_certificate(answer.read())
    key, signature = certificate.public_key(), base64.b64decode(envelope["Signature"])
    assert key.key_size >= 2048
    key.verify(signature, text.encode(), padding.PKCS1v15(), HASHES[envelope["SignatureVersion"]])


@pytest.fixture
def endpoint():
    """An HTTP endpoint: its URL, and a queue of what was posted to it."""
    arrived = queues.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arrived.put((self.headers["x-amz-sns-message-type"], json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", arrived
    server.shutdown()


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "Hello, world!"])
def test_a_queues_envelope_is_signed(sns, sqs, queue, arn, version, subject):
    topic = sns.create_topic(Name=f"signed-{uuid.uuid4()}", Attributes={"SignatureVersion": version})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn(queue))
    more = {"Subject": subject} if subject else {}
    sns.publish(TopicArn=topic, Message="ü 漢 <&> \"quoted\"\nsecond line", **more)
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    envelope = json.loads(message["Body"])
    assert envelope["SignatureVersion"] == version
    verify(envelope)
    for name in ["Message", "MessageId", "Timestamp", "TopicArn"]:
        with pytest.raises(InvalidSignature):
            verify(envelope | {name: envelope[name] + "x"})


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_an_endpoint_gets_is_signed(sns, endpoint, version):
    url, arrived = endpoint
    topic = sns.create_topic(Name=f"signed-{uuid.uuid4()}", Attributes={"SignatureVersion": version})["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
    kind, confirmation = arrived.get(timeout=30)
    assert (kind, confirmation["Type"]) == ("SubscriptionConfirmation", "SubscriptionConfirmation")
    verify(confirmation)
    with urllib.request.urlopen(confirmation["SubscribeURL"]) as answer:
        assert b"ConfirmSubscriptionResponse" in answer.read()
    sns.publish(TopicArn=topic, Message="m", Subject="s")
    kind, notification = arrived.get(timeout=30)
    assert (kind, notification["Message"]) == ("Notification", "m")
    verify(notification)
    with urllib.request.urlopen(notification["UnsubscribeURL"]) as answer:
        assert b"UnsubscribeResponse" in answer.read()
    kind, confirmation = arrived.get(timeout=30)
    assert kind == "UnsubscribeConfirmation"
    verify(confirmation)
