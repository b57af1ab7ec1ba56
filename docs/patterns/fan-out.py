"""Fan-out: one registration event, published once, is worked on by three queues, each at its own pace.

The broker's address is in AWS_ENDPOINT_URL. Fails where a queue lacks an event, has one twice, or hears of the others.
"""

import json
import time
import uuid

import boto3

RUN = uuid.uuid4().hex[:8]
CUSTOMERS = ["ann", "bea", "cem"]
QUEUES = ["welcome-mail", "crm", "analytics"]
sns, sqs = boto3.client("sns"), boto3.client("sqs")


def receive(url, count):
    """`count` messages, or those that came within ten seconds."""
    messages, deadline = [], time.monotonic() + 10
    while len(messages) < count and time.monotonic() < deadline:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        messages += answer.get("Messages", [])
    return messages


def waiting(url):
    """How many messages the queue holds, received ones included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


topic = sns.create_topic(Name=f"registrations-{RUN}")["TopicArn"]
urls = {}
for name in QUEUES:
    urls[name] = sqs.create_queue(QueueName=f"{name}-{RUN}")["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=answer["Attributes"]["QueueArn"])

published = {}
for customer in CUSTOMERS:
    event = json.dumps({"event": "registered", "customer": customer})
    published[sns.publish(TopicArn=topic, Message=event, Subject="registration")["MessageId"]] = customer
print(f"published {len(published)} registrations to one topic")

for name in QUEUES:
    # Without raw delivery the body is SNS's envelope, which says what was published, when, and to which topic.
    envelopes = [json.loads(message["Body"]) for message in receive(urls[name], len(CUSTOMERS))]
    got = {envelope["MessageId"]: json.loads(envelope["Message"])["customer"] for envelope in envelopes}
    assert got == published, f"{name} got {got} instead of {published}"
    assert all(envelope["TopicArn"] == topic for envelope in envelopes), envelopes
    assert waiting(urls[name]) == len(CUSTOMERS), f"{name} holds something twice"
    print(f"{name}: got {sorted(got.values())}")

# A consumer that is done deletes its own copies; the other queues keep theirs.
sqs.purge_queue(QueueUrl=urls["welcome-mail"])
left = {name: waiting(url) for name, url in urls.items()}
assert left == {"welcome-mail": 0, "crm": 3, "analytics": 3}, left
print(f"welcome-mail is done; what each queue still holds: {left}")
