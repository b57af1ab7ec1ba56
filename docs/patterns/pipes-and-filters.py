"""Pipes and filters: each stage takes from one queue, does one thing, and puts the result into the next.

The broker's address is in AWS_ENDPOINT_URL. Fails where a document is lost, comes out twice or out of order, or where a
bad one holds up the others.
"""

import json
import time
import uuid

import boto3

RUN = uuid.uuid4().hex[:8]
sqs = boto3.client("sqs")


def pipe(name, **attributes):
    attributes = {"FifoQueue": "true", "VisibilityTimeout": "2", **attributes}
    return sqs.create_queue(QueueName=f"{name}-{RUN}.fifo", Attributes=attributes)["QueueUrl"]


def put(url, body, group, deduplication):
    sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=deduplication)


def take(url, seconds):
    """The messages of a pipe, one after the other, until nothing came for so long; half a minute at most."""
    quiet, end = time.monotonic() + seconds, time.monotonic() + 30
    while time.monotonic() < min(quiet, end):
        wanted = ["MessageGroupId", "MessageDeduplicationId"]
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MessageSystemAttributeNames=wanted)
        for message in answer.get("Messages", []):
            quiet = time.monotonic() + seconds
            yield message


def drain(url):
    """What is left in a pipe at the end, by group."""
    found = {}
    for message in take(url, seconds=2):
        found.setdefault(message["Attributes"]["MessageGroupId"], []).append(message["Body"])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def stage(source, target, work, crash_at=None):
    """Runs a stage until its source is quiet. With `crash_at` it dies once, after it passed on this result."""
    for message in take(source, seconds=3.5):
        try:
            result = work(message["Body"])
        except ValueError:
            continue  # Left in flight: it comes again, and at last goes to the dead-letter queue.
        # The id travels with the document, so that a result that is passed on twice arrives once.
        attributes = message["Attributes"]
        put(target, result, attributes["MessageGroupId"], attributes["MessageDeduplicationId"])
        if result == crash_at:
            crash_at = None
            continue  # As if the stage had died before the next line.
        sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])


bad = pipe("bad")
bad_arn = sqs.get_queue_attributes(QueueUrl=bad, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
redrive = json.dumps({"deadLetterTargetArn": bad_arn, "maxReceiveCount": 2})
raw, parsed, doubled = pipe("raw", RedrivePolicy=redrive), pipe("parsed"), pipe("doubled")

documents = [("a", "1"), ("b", "10"), ("a", "2"), ("b", "not a number"), ("a", "3"), ("b", "20")]
for number, (group, text) in enumerate(documents):
    put(raw, text, group, f"document-{number}")
print(f"put {len(documents)} documents of two groups into the first pipe, one of them broken")

stage(raw, parsed, lambda text: json.dumps({"value": int(text)}), crash_at='{"value": 2}')
print("the first stage parsed them, and crashed once between passing on and deleting")
stage(parsed, doubled, lambda text: str(2 * json.loads(text)["value"]))

results, refused = drain(doubled), drain(bad)
assert results == {"a": ["2", "4", "6"], "b": ["20", "40"]}, results
assert refused == {"b": ["not a number"]}, refused
print(f"came out once each and in order: {results}; the broken one is in the dead-letter queue")
