"""What an operator's own tools do to a broker, and what it costs to serve it."""

import threading
import time

from attacks import attack, outcome
from broker import Broker
from client import Client, Other, probe

QUEUES = 50_000


def many_queues(port, count):
    """Makes queues over eight connections."""

    def make(first):
        client = Client(port)
        for number in range(first, count, 8):
            client.queue(f"queue-with-a-long-name-{number}")

    makers = [threading.Thread(target=make, args=(first,)) for first in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()


def ask_without_pause(broker, path, seconds):
    """Four clients ask for a path as often as they can. Returns statuses and the longest answer."""
    statuses, longest = [], [0]
    deadline = time.monotonic() + seconds

    def ask():
        while time.monotonic() < deadline:
            try:
                status, body = probe(broker.admin, path)
            except OSError:
                status, body = 0, b""
            statuses.append(status)
            longest[0] = max(longest[0], len(body))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    return statuses, longest[0]


def probed(program, path):
    """The outcome of four clients that ask for a path of a broker with many queues."""
    with Broker(program) as broker:
        many_queues(broker.port, QUEUES)
        with Other(broker.port) as other:
            statuses, longest = ask_without_pause(broker, path, 10)
            good = statuses.count(200)
            seen = f"{good / 10:.0f} answers a second, {len(statuses) - good} not 200, longest {longest / 1e6:.1f} MB"
            return outcome(broker, other, seen)


@attack
def no_attack(program):
    """Nothing for 20 seconds: what the other client waits on this machine by itself."""
    with Broker(program) as broker, Other(broker.port) as other:
        time.sleep(20)
        return outcome(broker, other, f"{len(other.waits)} sends")


@attack
def probes(program):
    """Four clients ask for /readyz without a pause, at a broker with 50,000 queues."""
    return probed(program, "/readyz")


@attack
def scrapes(program):
    """Four clients ask for /metrics without a pause, at a broker with 50,000 queues."""
    return probed(program, "/metrics")


def large_senders(broker, clients, summary):
    """Lets clients send messages of 1 MB for ten seconds, as fast as they are taken. `summary` words the other client's sorted waits."""
    url = Client(broker.port).queue("large", MaximumMessageSize="1048576")
    deadline, sent, refused = time.monotonic() + 10, [], []

    def send():
        client = Client(broker.port)
        request = client.request("SendMessage", {"QueueUrl": url, "MessageBody": "x" * 1_000_000})
        while time.monotonic() < deadline:
            status, _ = client.exchange(request)
            (sent if status == 200 else refused).append(status)

    with Other(broker.port) as other:
        senders = [threading.Thread(target=send) for _ in range(clients)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        waits = sorted(other.waits) or [0]
        return outcome(broker, other, f"{len(sent) / 10:.0f} MB/s, {len(refused)} refused, other's {summary(waits)} ms")


@attack
def heavy_senders(program):
    """64 clients send messages of 1 MB for ten seconds, as fast as the disk takes them."""
    with Broker(program) as broker:
        return large_senders(broker, 64, lambda waits: f"p99 {waits[int(len(waits) * 0.99)] * 1000:.0f}")


@attack
def signatures(program):
    """1,000 publications, received by one queue that wants signed envelopes: processor time of each."""
    with Broker(program) as broker:
        client = Client(broker.port)
        url = client.queue("signed")
        client.query(Action="CreateTopic", Name="topic", Version="2010-03-31")
        topic = "arn:aws:sns:us-east-1:000000000000:topic"
        queue = "arn:aws:sqs:us-east-1:000000000000:signed"
        client.query(Action="Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue, Version="2010-03-31")
        count = 1000
        for _ in range(count):
            client.query(Action="Publish", TopicArn=topic, Message="a message", Version="2010-03-31")
        before, began, received = broker.processor_seconds(), time.monotonic(), 0
        while received < count and time.monotonic() - began < 60:
            _, answer = client.call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)
            received += len(answer.get("Messages", []))
        each = (broker.processor_seconds() - before) / max(received, 1)
        return outcome(broker, None, f"{each * 1000:.2f} ms of processor time for each of {received} notifications")
