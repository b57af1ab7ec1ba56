"""The extended client of AWS for Python: bodies lie in S3, and a receipt handle carries bucket and key in front of the
broker's handle. The client takes the handle apart again at the last `-`.

S3 is a stand-in in this process. Forty messages are settled, because a handle that contains `-` fails only where one
occurs by chance.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import sqs_extended_client  # noqa: F401  gives boto3's SQS clients the extension
from botocore.config import Config

LARGE = "ü" * 200_000


class Bucket(BaseHTTPRequestHandler):
    """PutObject, GetObject and DeleteObject, in memory."""

    protocol_version = "HTTP/1.1"
    objects = {}

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200)

    def do_GET(self):
        self.answer(200, self.objects[self.path]) if self.path in self.objects else self.answer(404)

    def do_DELETE(self):
        self.objects.pop(self.path, None)
        self.answer(204)

    def log_message(self, *_):
        pass


def receive(count):
    messages = []
    while len(messages) < count:
        more = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
        assert more, f"{len(messages)} of {count} messages came"
        messages += more
    return messages


def small_message():
    """A body below the threshold goes past S3."""
    sqs.send_message(QueueUrl=url, MessageBody="small")
    (message,) = receive(1)
    assert message["Body"] == "small" and not Bucket.objects
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def large_message():
    sqs.send_message(QueueUrl=url, MessageBody=LARGE)
    assert len(Bucket.objects) == 1
    (message,) = receive(1)
    assert message["Body"] == LARGE
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = receive(1)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert not Bucket.objects


def forty_handles():
    sqs.always_through_s3 = True
    for i in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=f"body {i}")
    entries = [{"Id": str(i), "MessageBody": f"body {i}"} for i in range(20, 40)]
    for part in [entries[:10], entries[10:]]:
        assert len(sqs.send_message_batch(QueueUrl=url, Entries=part)["Successful"]) == 10
    assert len(Bucket.objects) == 40
    messages = receive(40)
    assert sorted(message["Body"] for message in messages) == sorted(f"body {i}" for i in range(40))
    for message in messages[:20]:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    handles = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
    for part in [handles[20:30], handles[30:]]:
        assert len(sqs.delete_message_batch(QueueUrl=url, Entries=part)["Successful"]) == 10
    assert not Bucket.objects


def nothing_left():
    numbers = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=numbers)["Attributes"]
    assert left == dict.fromkeys(numbers, "0"), left


server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
threading.Thread(target=server.serve_forever, daemon=True).start()
sqs = boto3.client("sqs")
sqs.large_payload_support, sqs.delete_payload_from_s3 = "payloads", True
sqs.s3_client = boto3.client(
    "s3",
    endpoint_url=f"http://127.0.0.1:{server.server_port}",
    config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
)
url = sqs.create_queue(QueueName="extended-client", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
small_message()
large_message()
forty_handles()
nothing_left()
