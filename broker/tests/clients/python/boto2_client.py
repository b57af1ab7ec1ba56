"""boto 2: the Query protocol as clients wrote it before boto3, base64 bodies, and account and name of a queue
read from the path of its URL. boto 2.49 needs Python 3.11 or older."""

import os
from urllib.parse import urlsplit

from boto.exception import BotoServerError
from boto.regioninfo import RegionInfo
from boto.sns.connection import SNSConnection
from boto.sqs.connection import SQSConnection
from boto.sqs.message import Message, RawMessage

broker = urlsplit(os.environ["AWS_ENDPOINT_URL"])
region = RegionInfo(name=os.environ["AWS_REGION"], endpoint=broker.hostname)
sqs = SQSConnection(region=region, port=broker.port, is_secure=False)
sns = SNSConnection(region=region, port=broker.port, is_secure=False)
# boto reads the region and the service of a signature out of AWS's host names otherwise.
sns.auth_region_name, sns.auth_service_name = region.name, "sns"


def text(body):
    """A message with this body."""
    message = Message()
    message.set_body(body)
    return message


def one_message(queue):
    message = text("first: & <b>\n")
    message.message_attributes = {"colour": {"data_type": "String", "string_value": "red"}}
    sent = queue.write(message)
    (received,) = queue.get_messages(
        visibility_timeout=30, attributes="All", wait_time_seconds=5, message_attributes=["All"]
    )
    assert received.id == sent.id and received.get_body() == "first: & <b>\n", received.get_body()
    assert received.attributes["ApproximateReceiveCount"] == "1", received.attributes
    assert received.message_attributes["colour"]["string_value"] == "red", received.message_attributes
    received.change_visibility(0)
    again = queue.read(wait_time_seconds=5)
    assert again.id == sent.id, again
    assert queue.delete_message(again)
    assert queue.read() is None


def batch(queue):
    sent = queue.write_batch([(f"e{i}", f"body {i}", 0) for i in range(10)])
    assert len(sent.results) == 10 and not sent.errors, sent.errors
    queue.set_message_class(RawMessage)
    bodies = []
    while len(bodies) < 10:
        messages = queue.get_messages(num_messages=10, wait_time_seconds=5)
        assert messages, f"{len(bodies)} of 10 messages came"
        bodies += [message.get_body() for message in messages]
        deleted = queue.delete_message_batch(messages)
        assert len(deleted.results) == len(messages) and not deleted.errors, deleted.errors
    assert sorted(bodies) == sorted(f"body {i}" for i in range(10)), bodies
    queue.set_message_class(Message)


def settings(queue):
    assert queue.set_timeout(45)
    attributes = queue.get_attributes()
    assert attributes["VisibilityTimeout"] == "45" and queue.count() == 0, attributes
    # boto takes both from the path of the URL, the account as its second piece and the name as its third.
    assert queue.name == "boto2-jobs", queue.url
    assert queue.arn == attributes["QueueArn"], (queue.url, attributes)


def listed(queue):
    assert sqs.get_queue("boto2-jobs").url == queue.url
    assert [found.url for found in sqs.get_all_queues(prefix="boto2-")] == [queue.url]
    assert sqs.get_queue("boto2-none") is None


def topic(queue):
    made = sns.create_topic("boto2-events")
    arn = made["CreateTopicResponse"]["CreateTopicResult"]["TopicArn"]
    # boto writes a policy for the queue that names the topic, and subscribes the queue by an ARN made from its URL.
    sns.subscribe_sqs_queue(arn, queue)
    assert "aws:SourceArn" in queue.get_attributes()["Policy"]
    sns.publish(topic=arn, message="published")
    queue.set_message_class(RawMessage)
    received = queue.read(wait_time_seconds=5)
    assert '"Message":"published"' in received.get_body().replace(" ", ""), received.get_body()
    queue.delete_message(received)
    sns.delete_topic(arn)


def deleted_queue(queue):
    queue.write(text("left behind"))
    assert sqs.delete_queue(queue)
    try:
        queue.read()
    except BotoServerError as error:
        assert error.error_code == "AWS.SimpleQueueService.NonExistentQueue", error.error_code
        return
    raise AssertionError("a deleted queue was read")


queue = sqs.create_queue("boto2-jobs", visibility_timeout=30)
one_message(queue)
batch(queue)
settings(queue)
listed(queue)
topic(queue)
deleted_queue(queue)
