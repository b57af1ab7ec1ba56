"""botocore's signatures, checked by a broker that has users: the caller's keys are in the environment."""

import os
import urllib.error
import urllib.request
import uuid

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.session import get_session

ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


def test_signed_requests_are_taken(sqs):
    name = f"signed-{uuid.uuid4()}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="ü & <b> + %20", MessageAttributes={
        "a": {"DataType": "String", "StringValue": "ü"},
    })
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "ü & <b> + %20"
    other_region = boto3.client("sqs", region_name="ap-northeast-1")
    assert "QueueUrls" not in other_region.list_queues(QueueNamePrefix=name)


@pytest.mark.parametrize(
    "keys, code",
    [
        ({"aws_secret_access_key": "wrong"}, "SignatureDoesNotMatch"),
        ({"aws_access_key_id": "AKIDUNKNOWN", "aws_secret_access_key": "wrong"}, "InvalidClientTokenId"),
    ],
)
def test_wrong_keys_are_refused(keys, code):
    right = {"aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"]}
    with pytest.raises(ClientError) as refusal:
        boto3.client("sqs", **(right | keys)).list_queues()
    assert refusal.value.response["Error"]["Code"] == code
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_presigned_requests_are_taken():
    session = get_session()
    request = AWSRequest("GET", f"{ENDPOINT}/", params={"Action": "ListQueues", "QueueNamePrefix": "a b+ü"})
    SigV4QueryAuth(session.get_credentials(), "sqs", session.get_config_variable("region"), 60).add_auth(request)
    url = request.prepare().url
    with urllib.request.urlopen(url) as answer:
        assert b"<ListQueuesResponse" in answer.read()
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(url.replace("QueueNamePrefix=a", "QueueNamePrefix=b"))
    assert refusal.value.code == 403
