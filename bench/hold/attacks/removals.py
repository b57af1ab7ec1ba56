"""Topics, queues and platform applications that much belongs to: to delete or to change one is one request."""

import json
import threading
import time

from attacks import attack, outcome
from attacks.topics import SNS, TOPIC
from broker import Broker
from client import Client, Other

#: Deliveries that the broker would make are refused at once, so that no attack reaches an address.
NO_PUSHES = '[push]\ndeny = "0.0.0.0/0, ::/0"\n'


def for_each(port, count, make):
    """Calls `make(client, number)` for each number below `count`, over eight connections."""

    def some(first):
        client = Client(port)
        for number in range(first, count, 8):
            make(client, number)

    makers = [threading.Thread(target=some, args=(first,)) for first in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()


def subscribed(port, count, endpoint):
    """A topic with `count` subscriptions. `endpoint(number)` returns a protocol and an endpoint."""
    Client(port).query(Action="CreateTopic", Name="topic", **SNS)

    def subscribe(client, number):
        protocol, address = endpoint(number)
        client.query(Action="Subscribe", TopicArn=TOPIC, Protocol=protocol, Endpoint=address, **SNS)

    for_each(port, count, subscribe)


def beside(broker, work):
    """The outcome of `work(client)`, which returns what was seen, beside another client that sends 200 a second."""
    with Other(broker.port, per_second=200) as other:
        time.sleep(1)
        other.waits.clear()
        began = time.monotonic()
        seen = work(Client(broker.port))
        took = time.monotonic() - began
        # What goes on behind the answer counts too.
        time.sleep(3)
        return outcome(broker, other, f"{seen} after {took * 1000:.0f} ms")


def queue_or_phone(number):
    """Endpoints of which one half is a queue, and the other half has a queue of the broker's own."""
    if number % 2 == 0:
        return "sqs", f"arn:aws:sqs:us-east-1:000000000000:subscriber-{number}"
    return "sms", f"+1555{number:07}"


@attack
def deleted_topic(program):
    """A topic with 100,000 subscriptions, half of them queues and half phone numbers, is deleted."""
    with Broker(program, sections=NO_PUSHES) as broker:
        subscribed(broker.port, 100_000, queue_or_phone)

        def work(client):
            status, _ = client.query(Action="DeleteTopic", TopicArn=TOPIC, **SNS)
            found, _ = client.query(Action="GetTopicAttributes", TopicArn=TOPIC, **SNS)
            _, listed = client.query(Action="ListSubscriptions", **SNS)
            return f"answered {status}, the topic {found}, {listed.count('<SubscriptionArn>')} subscriptions listed"

        return beside(broker, work)


@attack
def changed_topic(program):
    """A topic with 50,000 subscriptions of HTTP endpoints gets another delivery policy ten times."""
    with Broker(program, sections=NO_PUSHES) as broker:
        subscribed(broker.port, 50_000, lambda number: ("http", f"http://192.0.2.1/{number}"))

        def work(client):
            statuses = []
            for rate in range(1, 11):
                policy = json.dumps({"http": {"defaultThrottlePolicy": {"maxReceivesPerSecond": rate}}})
                form = {"AttributeName": "DeliveryPolicy", "AttributeValue": policy}
                statuses.append(client.query(Action="SetTopicAttributes", TopicArn=TOPIC, **form, **SNS)[0])
            return f"answered {sorted(set(statuses))}"

        return beside(broker, work)


@attack
def deleted_queue_of_many_topics(program):
    """A queue that 50,000 topics deliver to is deleted, and created again."""
    with Broker(program) as broker:
        Client(broker.port).queue("subscriber")
        arn = "arn:aws:sqs:us-east-1:000000000000:"

        def make(client, number):
            client.query(Action="CreateTopic", Name=f"topic-{number}", **SNS)
            topic = f"arn:aws:sns:us-east-1:000000000000:topic-{number}"
            client.query(Action="Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=arn + "subscriber", **SNS)

        for_each(broker.port, 50_000, make)

        def work(client):
            url = f"http://127.0.0.1:{broker.port}/000000000000/subscriber"
            status, _ = client.call("DeleteQueue", QueueUrl=url)
            return f"answered {status} and {client.call('CreateQueue', QueueName='subscriber')[0]}"

        return beside(broker, work)


@attack
def deleted_application(program):
    """A platform application with 100,000 endpoints is deleted."""
    with Broker(program) as broker:
        form = {"Attributes.entry.1.key": "PlatformCredential", "Attributes.entry.1.value": "key"}
        Client(broker.port).query(Action="CreatePlatformApplication", Name="app", Platform="GCM", **form, **SNS)
        application = "arn:aws:sns:us-east-1:000000000000:app/GCM/app"

        def make(client, number):
            client.query(Action="CreatePlatformEndpoint", PlatformApplicationArn=application, Token=f"token-{number}", **SNS)

        for_each(broker.port, 100_000, make)

        def work(client):
            status, _ = client.query(Action="DeletePlatformApplication", PlatformApplicationArn=application, **SNS)
            return f"answered {status}"

        return beside(broker, work)


@attack
def purged_groups(program):
    """A FIFO queue with 200,000 messages of as many groups is purged, and deleted."""
    with Broker(program) as broker:
        attributes = {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "messageGroup"}
        url = Client(broker.port).queue("groups.fifo", **attributes)

        def make(client, number):
            entries = [
                {"Id": f"e{entry}", "MessageBody": "m", "MessageGroupId": f"{number}-{entry}", "MessageDeduplicationId": "d"}
                for entry in range(10)
            ]
            client.call("SendMessageBatch", QueueUrl=url, Entries=entries)

        for_each(broker.port, 20_000, make)

        def work(client):
            return f"answered {client.call('PurgeQueue', QueueUrl=url)[0]} and {client.call('DeleteQueue', QueueUrl=url)[0]}"

        return beside(broker, work)


@attack
def large_single_policies(program):
    """Filter policies of 250 KB are set, one a second: 10,000 short values in one, 120 long ones in the other."""
    with Broker(program) as broker:
        subscribed(broker.port, 1, lambda _: ("sqs", "arn:aws:sqs:us-east-1:000000000000:subscriber"))
        _, listed = Client(broker.port).query(Action="ListSubscriptions", **SNS)
        arn = listed.split("<SubscriptionArn>", 1)[1].split("<", 1)[0]
        many = {"key": [{"anything-but": [f"value-{number:014}" for number in range(10_000)]}]}
        long = {"key": [f"{number:03}-{'x' * 2000}" for number in range(120)]}

        def work(client):
            statuses = []
            for policy in [many, long] * 3:
                form = {"AttributeName": "FilterPolicy", "AttributeValue": json.dumps(policy)}
                status, answer = client.query(Action="SetSubscriptionAttributes", SubscriptionArn=arn, **form, **SNS)
                statuses.append(status if status == 200 else answer.split("<Message>", 1)[-1][:80])
                time.sleep(1)
            return f"answered {sorted(set(statuses), key=str)}"

        return beside(broker, work)
