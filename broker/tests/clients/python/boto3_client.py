"""boto3: queues, batches, FIFO, long polls and a topic. botocore checks the MD5 of each body and attribute itself."""

import json
import threading
import time

import boto3

sqs, sns = boto3.client("sqs"), boto3.client("sns")


def receive(url, **options):
    return sqs.receive_message(QueueUrl=url, **{"WaitTimeSeconds": 5, **options}).get("Messages", [])


def drain(url, count):
    """Receives and deletes `count` messages in batches. Returns their bodies in the order of arrival."""
    bodies = []
    while len(bodies) < count:
        messages = receive(url, MaxNumberOfMessages=10)
        assert messages, f"{len(bodies)} of {count} messages came"
        bodies += [message["Body"] for message in messages]
        entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
        deleted = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        assert len(deleted["Successful"]) == len(messages) and not deleted.get("Failed"), deleted
    return bodies


def one_message(url):
    attributes = {
        "text": {"DataType": "String", "StringValue": "ü & <b>"},
        "number": {"DataType": "Number", "StringValue": "17.50"},
        "bytes": {"DataType": "Binary.image", "BinaryValue": bytes(range(256))},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="first: ü & <b>\t\r\n", MessageAttributes=attributes)
    asked = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
    (message,) = receive(url, **asked)
    assert message["MessageId"] == sent["MessageId"] and message["Body"] == "first: ü & <b>\t\r\n", message
    assert message["MessageAttributes"] == attributes, message
    assert message["Attributes"]["ApproximateReceiveCount"] == "1", message
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = receive(url, **asked)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2", again
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert receive(url, WaitTimeSeconds=0) == []


def batch(url):
    entries = [{"Id": f"e{i}", "MessageBody": f"body {i}"} for i in range(10)]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert len(sent["Successful"]) == 10 and not sent.get("Failed"), sent
    assert sorted(drain(url, 10)) == sorted(f"body {i}" for i in range(10))


def long_poll(url):
    sender = threading.Timer(0.5, lambda: sqs.send_message(QueueUrl=url, MessageBody="late"))
    sender.start()
    started = time.monotonic()
    (message,) = receive(url, WaitTimeSeconds=20)
    assert message["Body"] == "late" and time.monotonic() - started < 15
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sender.join()


def fifo():
    made = sqs.create_queue(
        QueueName="boto3-jobs.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )
    url = made["QueueUrl"]
    bodies = [f"{group}{i}" for i in range(5) for group in "ab"]
    sequence = [
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body[0])["SequenceNumber"] for body in bodies
    ]
    assert sequence == sorted(sequence, key=int), sequence
    twice = sqs.send_message(QueueUrl=url, MessageBody=bodies[0], MessageGroupId="a")
    assert twice["SequenceNumber"] == sequence[0], twice
    arrived = drain(url, 10)
    for group in "ab":
        assert [body for body in arrived if body[0] == group] == [f"{group}{i}" for i in range(5)], arrived
    assert receive(url, WaitTimeSeconds=0) == []
    sqs.delete_queue(QueueUrl=url)


def settings(url):
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "45"})
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "45" and attributes["ApproximateNumberOfMessages"] == "0", attributes
    sqs.tag_queue(QueueUrl=url, Tags={"team": "shop"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "shop"}
    return attributes["QueueArn"]


def topic(url, arn):
    topic = sns.create_topic(Name="boto3-events")["TopicArn"]
    policy = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"plan": ["gold"]})}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=policy)
    for plan in ["gold", "free"]:
        value = {"DataType": "String", "StringValue": plan}
        sns.publish(TopicArn=topic, Message=f"to {plan}", MessageAttributes={"plan": value})
    assert drain(url, 1) == ["to gold"] and receive(url, WaitTimeSeconds=0) == []
    sns.delete_topic(TopicArn=topic)


def pages():
    made = {sqs.create_queue(QueueName=f"boto3-page-{i}")["QueueUrl"] for i in range(5)}
    pager = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix="boto3-page-", PaginationConfig={"PageSize": 2}
    )
    pages = [page["QueueUrls"] for page in pager]
    assert [len(page) for page in pages] == [2, 2, 1] and made == {url for page in pages for url in page}, pages


def deleted_queue(url):
    sqs.delete_queue(QueueUrl=url)
    try:
        sqs.get_queue_url(QueueName="boto3-jobs")
    except sqs.exceptions.QueueDoesNotExist:
        return
    raise AssertionError("a deleted queue was found")


queue = sqs.create_queue(QueueName="boto3-jobs", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
assert sqs.get_queue_url(QueueName="boto3-jobs")["QueueUrl"] == queue
one_message(queue)
batch(queue)
long_poll(queue)
fifo()
topic(queue, settings(queue))
pages()
deleted_queue(queue)
