"""Every action of SQS through boto3, as its documentation describes them."""

import time
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError


def receive(sqs, url, **more):
    arguments = {"MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
    return sqs.receive_message(QueueUrl=url, **(arguments | more)).get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def test_a_queue_is_created_found_listed_and_deleted(sqs):
    name = f"life-{uuid.uuid4()}"
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"}, tags={"team": "mail"})["QueueUrl"]
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"})["QueueUrl"] == url
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert sqs.list_queues(QueueNamePrefix=name)["QueueUrls"] == [url]
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=name)


def test_listing_is_paginated(sqs):
    prefix = f"page-{uuid.uuid4()}-"
    urls = [sqs.create_queue(QueueName=f"{prefix}{number}")["QueueUrl"] for number in range(5)]
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2})
    assert [url for page in pages for url in page["QueueUrls"]] == urls


def test_attributes_are_set_and_read(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "3", "MessageRetentionPeriod": "60"})
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (attributes["DelaySeconds"], attributes["MessageRetentionPeriod"]) == ("3", "60")
    assert attributes["ApproximateNumberOfMessages"] == "0"


def test_tags(sqs, queue):
    sqs.tag_queue(QueueUrl=queue, Tags={"a": "1", "b": "2"})
    sqs.untag_queue(QueueUrl=queue, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"b": "2"}


def test_a_message_goes_through(sqs, queue):
    body = "ü 漢 😀 <&> \"'\" \t\r\n"
    attributes = {
        "text": {"DataType": "String", "StringValue": "ü <&>"},
        "number": {"DataType": "Number.int", "StringValue": "42"},
        "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = sqs.send_message(
        QueueUrl=queue, MessageBody=body, MessageAttributes=attributes, MessageSystemAttributes=trace
    )
    (message,) = receive(sqs, queue, WaitTimeSeconds=5)
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == body
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert receive(sqs, queue) == []


def test_batches(sqs, queue):
    entries = [{"Id": str(number), "MessageBody": f"m{number}"} for number in range(10)]
    assert len(sqs.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 10
    messages = receive(sqs, queue)
    assert bodies(messages) == [f"m{number}" for number in range(10)]
    handles = [{"Id": str(index), "ReceiptHandle": m["ReceiptHandle"]} for index, m in enumerate(messages)]
    visible = sqs.change_message_visibility_batch(
        QueueUrl=queue, Entries=[entry | {"VisibilityTimeout": 0} for entry in handles[:3]]
    )
    assert len(visible["Successful"]) == 3
    assert sorted(bodies(receive(sqs, queue))) == ["m0", "m1", "m2"]
    output = sqs.delete_message_batch(QueueUrl=queue, Entries=handles[3:] + [{"Id": "x", "ReceiptHandle": "forged"}])
    assert len(output["Successful"]) == 7
    assert [failed["Code"] for failed in output["Failed"]] == ["ReceiptHandleIsInvalid"]


def test_visibility(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="m")
    (message,) = receive(sqs, queue)
    assert receive(sqs, queue) == []
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = receive(sqs, queue)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_delay(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="m", DelaySeconds=1)
    assert receive(sqs, queue) == []
    assert bodies(receive(sqs, queue, WaitTimeSeconds=5)) == ["m"]


def test_fifo(sqs, fifo):
    first = sqs.send_message(QueueUrl=fifo, MessageBody="1", MessageGroupId="g")
    again = sqs.send_message(QueueUrl=fifo, MessageBody="1", MessageGroupId="g")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    sqs.send_message(QueueUrl=fifo, MessageBody="2", MessageGroupId="g")
    messages = receive(sqs, fifo, ReceiveRequestAttemptId="try")
    assert bodies(messages) == ["1", "2"]
    assert messages[0]["Attributes"]["SequenceNumber"] == first["SequenceNumber"]
    assert receive(sqs, fifo) == []


def test_purge(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="m")
    sqs.purge_queue(QueueUrl=queue)
    assert receive(sqs, queue) == []


def dead_letter(sqs, arn, url, dead, bodies_):
    policy = '{"deadLetterTargetArn":"%s","maxReceiveCount":"1"}' % arn(dead)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    for body in bodies_:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    for message in receive(sqs, url):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert receive(sqs, url) == []


def await_status(sqs, source, status):
    for _ in range(200):
        tasks = sqs.list_message_move_tasks(SourceArn=source)["Results"]
        if tasks and tasks[0]["Status"] == status:
            return tasks[0]
        time.sleep(0.05)
    raise AssertionError(f"no task became {status}: {tasks}")


def test_dead_letters_and_move_tasks(sqs, arn):
    url = sqs.create_queue(QueueName=f"source-{uuid.uuid4()}")["QueueUrl"]
    dead = sqs.create_queue(QueueName=f"dead-{uuid.uuid4()}")["QueueUrl"]
    dead_letter(sqs, arn, url, dead, [f"m{number}" for number in range(5)])
    pages = sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=dead)
    assert [source for page in pages for source in page["queueUrls"]] == [url]
    handle = sqs.start_message_move_task(SourceArn=arn(dead), MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    cancelled = sqs.cancel_message_move_task(TaskHandle=handle)
    assert cancelled["ApproximateNumberOfMessagesMoved"] < 5
    await_status(sqs, arn(dead), "CANCELLED")
    sqs.start_message_move_task(SourceArn=arn(dead))
    await_status(sqs, arn(dead), "COMPLETED")
    assert sorted(bodies(receive(sqs, url, WaitTimeSeconds=2))) == [f"m{number}" for number in range(5)]


def test_permissions(sqs, queue):
    sqs.add_permission(QueueUrl=queue, Label="l", AWSAccountIds=["123456789012"], Actions=["SendMessage"])
    other = boto3.client("sqs", aws_access_key_id="123456789012", aws_secret_access_key="any")
    other.send_message(QueueUrl=queue, MessageBody="m")
    sqs.remove_permission(QueueUrl=queue, Label="l")
    with pytest.raises(ClientError) as refusal:
        other.send_message(QueueUrl=queue, MessageBody="m")
    assert "AccessDenied" in refusal.value.response["Error"]["Code"]


ERRORS = [
    (
        "send_message",
        {"QueueUrl": "http://h/000000000000/never-created", "MessageBody": "m"},
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
    ("delete_message", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
    (
        "send_message_batch",
        {"Entries": [{"Id": "a", "MessageBody": "m"}] * 2},
        "BatchEntryIdsNotDistinct",
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    ),
    ("send_message", {"MessageBody": "\x01"}, "InvalidMessageContents", "InvalidMessageContents"),
    ("set_queue_attributes", {"Attributes": {"DelaySeconds": "x"}}, "InvalidAttributeValue", "InvalidAttributeValue"),
    ("receive_message", {"MaxNumberOfMessages": 11}, None, "InvalidParameterValue"),
]


@pytest.mark.parametrize("method, arguments, exception, code", ERRORS)
def test_errors_have_their_class_and_code(sqs, queue, method, arguments, exception, code):
    expected = getattr(sqs.exceptions, exception) if exception else ClientError
    with pytest.raises(expected) as refusal:
        getattr(sqs, method)(**({"QueueUrl": queue} | arguments))
    error = refusal.value.response["Error"]
    assert error["Code"] == code
    assert error["Message"]


def test_the_resource_interface(queue):
    resource = boto3.resource("sqs").Queue(queue)
    resource.send_message(MessageBody="m", MessageAttributes={"a": {"DataType": "String", "StringValue": "x"}})
    (message,) = resource.receive_messages(MessageAttributeNames=["All"], WaitTimeSeconds=5)
    assert message.message_attributes["a"]["StringValue"] == "x"
    message.delete()
    resource.reload()
    assert resource.attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_every_action_was_called(sqs, called):
    """Last, because it looks at what the tests before it did."""
    assert called == set(sqs.meta.service_model.operation_names)
