"""Clients for a broker that the caller started: its address is in AWS_ENDPOINT_URL.

botocore checks the MD5 of every body and attribute that it receives, so that no test here has to.
"""

import itertools

import boto3
import pytest
from botocore.config import Config

_called = set()
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sqs():
    client = boto3.client("sqs", config=Config(retries={"total_max_attempts": 1}))
    client.meta.events.register("before-call.sqs", lambda model, **_: _called.add(model.name))
    return client


@pytest.fixture
def queue(sqs):
    """The URL of a new standard queue."""
    return sqs.create_queue(QueueName=f"boto3-{next(_numbers)}")["QueueUrl"]


@pytest.fixture
def fifo(sqs):
    """The URL of a new FIFO queue."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs.create_queue(QueueName=f"boto3-{next(_numbers)}.fifo", Attributes=attributes)["QueueUrl"]


@pytest.fixture
def arn(sqs):
    """From a queue's URL to its ARN."""

    def of(url):
        return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    return of


@pytest.fixture(scope="session")
def called():
    """The names of the operations that were called so far."""
    return _called
