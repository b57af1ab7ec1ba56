"""Command: one topic takes all commands; filter policies route each to the one service that carries it out.

The broker's address is in AWS_ENDPOINT_URL. Fails where a command reaches another service than its own, or none.
"""

import json
import time
import uuid

import boto3

RUN = uuid.uuid4().hex[:8]
sns, sqs = boto3.client("sns"), boto3.client("sqs")

KNOWN = ["ship-order", "cancel-order", "refund"]
SERVICES = {
    "shipping": {"command": ["ship-order", "cancel-order"]},
    # Both keys have to match; within a key one value is enough.
    "refunds": {"command": ["refund"], "amount": [{"numeric": ["<=", 100]}]},
    "refunds-by-hand": {"command": ["refund"], "amount": [{"numeric": [">", 100]}]},
    # Without this one a command that no service knows would go nowhere.
    "unknown": {"command": [{"anything-but": KNOWN}, {"exists": False}]},
}
COMMANDS = [
    ("ship-order", 0, "shipping"),
    ("cancel-order", 0, "shipping"),
    ("refund", 20, "refunds"),
    ("refund", 100, "refunds"),
    ("refund", 2500, "refunds-by-hand"),
    ("make-coffee", 0, "unknown"),
    (None, 0, "unknown"),
]

topic = sns.create_topic(Name=f"commands-{RUN}")["TopicArn"]
urls = {}
for service, policy in SERVICES.items():
    urls[service] = sqs.create_queue(QueueName=f"{service}-{RUN}")["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=urls[service], AttributeNames=["QueueArn"])
    attributes = {"FilterPolicy": json.dumps(policy), "RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=answer["Attributes"]["QueueArn"], Attributes=attributes)

expected = {service: [] for service in SERVICES}
for number, (command, amount, service) in enumerate(COMMANDS):
    attributes = {"amount": {"DataType": "Number", "StringValue": str(amount)}}
    if command:
        attributes["command"] = {"DataType": "String", "StringValue": command}
    body = f"{number}: {command} {amount}"
    sns.publish(TopicArn=topic, Message=body, MessageAttributes=attributes)
    expected[service].append(body)
print(f"published {len(COMMANDS)} commands to one topic")

for service, url in urls.items():
    got, deadline = [], time.monotonic() + 10
    while time.monotonic() < deadline:
        enough = len(got) >= len(expected[service])
        # Once all are there, one more look finds what should not be.
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0 if enough else 1)
        got += [message["Body"] for message in answer.get("Messages", [])]
        if enough:
            break
    assert sorted(got) == expected[service], f"{service} got {got} instead of {expected[service]}"
    print(f"{service}: {sorted(got)}")
