"""Clients for a broker that the caller started: its address is in AWS_ENDPOINT_URL.

botocore checks the MD5 of every body and attribute that it receives, so that no test here has to.
"""

import uuid

import boto3
import pytest
from botocore.config import Config

_called = set()
_called_sns = set()


@pytest.fixture(scope="session")
def sqs():
    client = boto3.client("sqs", config=Config(retries={"total_max_attempts": 1}))
    client.meta.events.register("before-call.sqs", lambda model, **_: _called.add(model.name))
    return client


@pytest.fixture(scope="session")
def sns():
    client = boto3.client("sns", config=Config(retries={"total_max_attempts": 1}))
    client.meta.events.register("before-call.sns", lambda model, **_: _called_sns.add(model.name))
    return client


@pytest.fixture
def topic(sns):
    """The ARN of a new standard topic."""
    return sns.create_topic(Name=f"boto3-{uuid.uuid4()}")["TopicArn"]


@pytest.fixture
def queue(sqs):
    """The URL of a new standard queue."""
    return sqs.create_queue(QueueName=f"boto3-{uuid.uuid4()}")["QueueUrl"]


@pytest.fixture
def fifo(sqs):
    """The URL of a new FIFO queue."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs.create_queue(QueueName=f"boto3-{uuid.uuid4()}.fifo", Attributes=attributes)["QueueUrl"]


@pytest.fixture
def arn(sqs):
    """From a queue's URL to its ARN."""

    def of(url):
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    return of


@pytest.fixture(scope="session")
def called():
    """The names of SQS's operations that were called so far."""
    return _called


@pytest.fixture(scope="session")
def called_sns():
    """The names of SNS's operations that were called so far."""
    return _called_sns
