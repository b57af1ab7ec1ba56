"""The producer of docs/security.md: its keys are in the environment."""

import pytest
from botocore.exceptions import ClientError

USER = "User: arn:aws:iam::111122223333:user/shop is not authorized to perform:"
QUEUE = "arn:aws:sqs:us-east-1:111122223333:orders"
TOPIC = "arn:aws:sns:us-east-1:111122223333:order-events"


def test_a_producer_sends_and_deletes_nothing(sqs):
    url = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    with pytest.raises(ClientError) as refusal:
        sqs.delete_queue(QueueUrl=url)
    error = refusal.value.response["Error"]
    assert error["Code"] in ("AccessDenied", "AccessDeniedException")
    because = "because no identity-based policy allows the sqs:deletequeue action"
    assert error["Message"] == f"{USER} sqs:deletequeue on resource: {QUEUE} {because}"


def test_a_producer_publishes_and_subscribes_nothing(sns):
    sns.publish(TopicArn=TOPIC, Message="m")
    with pytest.raises(sns.exceptions.AuthorizationErrorException) as refusal:
        sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE)
    because = "because no identity-based policy allows the SNS:Subscribe action"
    assert refusal.value.response["Error"]["Message"] == f"{USER} SNS:Subscribe on resource: {TOPIC} {because}"
