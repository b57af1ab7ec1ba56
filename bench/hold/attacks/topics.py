"""Topics with many and large filter policies, and with many subscriptions."""

import json
import threading
import time

from attacks import attack, outcome
from broker import Broker
from client import Client, Other

TOPIC = "arn:aws:sns:us-east-1:000000000000:topic"
SNS = {"Version": "2010-03-31"}


def subscribe(port, count, policy_of, queues=1):
    """A topic with `count` subscriptions of `queues` queues. `policy_of(number)` is a filter policy or `None`."""
    client = Client(port)
    client.query(Action="CreateTopic", Name="topic", **SNS)
    refused = []

    def make(first):
        own = Client(port)
        for number in range(first, count, 8):
            queue = f"arn:aws:sqs:us-east-1:000000000000:subscriber-{number}"
            if number < queues:
                own.queue(f"subscriber-{number}")
            form = {"Action": "Subscribe", "TopicArn": TOPIC, "Protocol": "sqs", "Endpoint": queue}
            policy = policy_of(number)
            if policy is not None:
                form |= {"Attributes.entry.1.key": "FilterPolicy", "Attributes.entry.1.value": json.dumps(policy)}
                form |= {"Attributes.entry.2.key": "FilterPolicyScope", "Attributes.entry.2.value": "MessageBody"}
            status, answer = own.query(**form, **SNS)
            if status != 200:
                refused.append(answer)

    makers = [threading.Thread(target=make, args=(first,)) for first in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    return refused


def publish_beside(broker, form):
    """The outcome of one publication beside another client."""
    with Other(broker.port, per_second=200) as other:
        time.sleep(1)
        began = time.monotonic()
        status, answer = Client(broker.port).query(**form, **SNS)
        took = time.monotonic() - began
        time.sleep(1)
        failed = answer.count("<Code>")
        return outcome(broker, other, f"answered {status} after {took * 1000:.0f} ms, {failed} errors in it")


@attack
def expensive_policies(program):
    """A batch of ten messages to 6,000 filter policies of 150 `anything-but` prefixes each."""

    def policy(number):
        return {"key": [{"anything-but": {"prefix": f"{number:05}-{index:03}-"}} for index in range(150)]}

    with Broker(program) as broker:
        refused = subscribe(broker.port, 6_000, policy, queues=0)
        entries = {"Action": "PublishBatch", "TopicArn": TOPIC}
        body = json.dumps({"key": [f"{number:05}-000" for number in range(900)]})
        for entry in range(1, 11):
            place = f"PublishBatchRequestEntries.member.{entry}."
            entries |= {place + "Id": f"e{entry}", place + "Message": body}
        result = publish_beside(broker, entries)
        result.seen += f", {len(refused)} subscriptions refused"
        return result


@attack
def wide_topic(program):
    """One publication to 20,000 queues."""
    with Broker(program) as broker:
        subscribe(broker.port, 20_000, lambda _: None, queues=20_000)
        return publish_beside(broker, {"Action": "Publish", "TopicArn": TOPIC, "Message": "a message"})


@attack
def numeric_ranges(program):
    """One publication whose body has an array of 20,000 numbers, to 5,000 filter policies of numeric ranges."""

    def policy(number):
        return {"n": [{"numeric": [">", number, "<=", number + 900_000]}], "m": [{"numeric": [">", number]}]}

    with Broker(program) as broker:
        subscribe(broker.port, 5_000, policy, queues=0)
        body = json.dumps({"n": list(range(20_000)), "m": [-1]})
        return publish_beside(broker, {"Action": "Publish", "TopicArn": TOPIC, "Message": body})


@attack
def wide_topic_100000(program):
    """One publication to 100,000 queues."""
    with Broker(program) as broker:
        subscribe(broker.port, 100_000, lambda _: None, queues=100_000)
        return publish_beside(broker, {"Action": "Publish", "TopicArn": TOPIC, "Message": "a message"})


@attack
def filtered_wide_topic(program):
    """One publication to 20,000 queues whose filter policies all match."""
    with Broker(program) as broker:
        subscribe(broker.port, 20_000, lambda number: {"kind": ["a", f"b{number}"]}, queues=20_000)
        return publish_beside(broker, {"Action": "Publish", "TopicArn": TOPIC, "Message": json.dumps({"kind": "a"})})


@attack
def large_policies(program):
    """1,000 filter policies of 240 KB each: the memory, and how long a restart takes."""

    def policy(number):
        return {"key": [f"{number:04}-{value:03}-{'x' * 1580}" for value in range(150)]}

    with Broker(program) as broker:
        refused = subscribe(broker.port, 1_000, policy, queues=0)
        held = broker.memory_kib()
        broker.stop()
        began = time.monotonic()
        broker.start()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                Client(broker.port).call("ListQueues")
                break
            except OSError:
                time.sleep(0.1)
        took = time.monotonic() - began
        text = len(json.dumps(policy(0))) / 1e3
        seen = f"{held / 1024:.0f} MiB held, restart {took:.1f} s, {len(refused)} refused (policies of {text:.0f} KB)"
        return outcome(broker, None, seen)
