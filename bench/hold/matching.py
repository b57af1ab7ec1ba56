#!/usr/bin/env python3
"""Measures how long other clients wait while publications with many filter policies or many recipients are made.

    bench/hold/matching.py [--url http://127.0.0.1:9324] [--case CASE]... [--repeat N]

Needs a broker without users, and Python 3 with its standard library only. For each case it makes a topic with its
subscriptions, publishes, and prints the worst wait of a sender that sends 200 messages a second to a queue of its own
meanwhile, beside the time that each publication took. What it made is deleted at the end of a case.

| case | what it publishes to |
|---|---|
| excluded | 6,000 filter policies of 150 `anything-but` prefixes each, a batch of ten |
| values | 5,000 filter policies of numeric ranges, a body with an array of 20,000 numbers |
| wide-20000 | 20,000 queues without filter policies |
| wide-100000 | 100,000 queues without filter policies |
| filtered-20000 | 20,000 queues whose filter policies all match |
"""

import argparse
import json
import multiprocessing
import socket
import sys
import time
import urllib.parse

ACCOUNT = "000000000000"
REGION = "us-east-1"
PIPELINE = 64
SENDS_PER_SECOND = 200


class Connection:
    """One connection that may have several requests under way."""

    def __init__(self, url):
        parsed = urllib.parse.urlparse(url)
        self.host = parsed.netloc
        self.socket = socket.create_connection((parsed.hostname, parsed.port or 80))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)

    def write(self, requests):
        out = bytearray()
        for request in requests:
            body = urllib.parse.urlencode(request).encode()
            out += (
                f"POST / HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            ).encode()
            out += body
        self.socket.sendall(out)

    def read(self):
        line = self.file.readline()
        if not line:
            raise ConnectionError("the broker has closed the connection")
        status, length = int(line.split()[1]), 0
        while True:
            header = self.file.readline().strip()
            if not header:
                break
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self.file.read(length)

    def ask(self, **request):
        self.write([request])
        return self.read()

    def all(self, requests):
        """Sends all requests, a pipeline at a time. Fails with the first that is refused."""
        batch = []
        for request in requests:
            batch.append(request)
            if len(batch) == PIPELINE:
                self.flush(batch)
        self.flush(batch)

    def flush(self, batch):
        self.write(batch)
        for request in batch:
            status, body = self.read()
            if status != 200:
                sys.exit(f"{request.get('Action')}: {status} {body[:500].decode(errors='replace')}")
        batch.clear()


def victim(url, stop, ready, results):
    """Sends at a fixed rate to a queue of its own. A wait counts from when the send was due."""
    connection = Connection(url)
    connection.ask(Action="CreateQueue", QueueName="hold-victim")
    queue = f"{url}/{ACCOUNT}/hold-victim"
    for _ in range(50):
        connection.ask(Action="SendMessage", QueueUrl=queue, MessageBody="warm")
    ready.set()
    waits, due = [], time.monotonic()
    while not stop.is_set():
        connection.ask(Action="SendMessage", QueueUrl=queue, MessageBody="x")
        now = time.monotonic()
        waits.append(now - due)
        # A send that was late delays only itself.
        due = max(due + 1 / SENDS_PER_SECOND, now)
        time.sleep(max(0.0, due - time.monotonic()))
    connection.ask(Action="DeleteQueue", QueueUrl=queue)
    results.put(sorted(waits))


def arn(service, name):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def subscriptions(topic, count, policy=None, scope=None):
    """Queues, and a subscription of each to the topic. `policy(n)` is the filter policy of the n-th."""
    for number in range(count):
        queue = f"{topic}-{number}"
        yield {"Action": "CreateQueue", "QueueName": queue}
        request = {
            "Action": "Subscribe",
            "TopicArn": arn("sns", topic),
            "Protocol": "sqs",
            "Endpoint": arn("sqs", queue),
            "Attributes.entry.1.key": "RawMessageDelivery",
            "Attributes.entry.1.value": "true",
        }
        if policy:
            request["Attributes.entry.2.key"] = "FilterPolicy"
            request["Attributes.entry.2.value"] = json.dumps(policy(number), separators=(",", ":"))
        if scope:
            request["Attributes.entry.3.key"] = "FilterPolicyScope"
            request["Attributes.entry.3.value"] = scope
        yield request


def one(topic, message="x", **attributes):
    request = {"Action": "Publish", "TopicArn": arn("sns", topic), "Message": message}
    for number, (name, value) in enumerate(attributes.items(), 1):
        request[f"MessageAttributes.entry.{number}.Name"] = name
        request[f"MessageAttributes.entry.{number}.Value.DataType"] = "String"
        request[f"MessageAttributes.entry.{number}.Value.StringValue"] = value
    return request


def batch(topic, **attributes):
    request = {"Action": "PublishBatch", "TopicArn": arn("sns", topic)}
    for number in range(1, 11):
        member = f"PublishBatchRequestEntries.member.{number}"
        request |= {f"{member}.Id": f"e{number}", f"{member}.Message": "x"}
        for place, (name, value) in enumerate(attributes.items(), 1):
            entry = f"{member}.MessageAttributes.entry.{place}"
            request |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
    return request


def excluded(number):
    """150 different prefixes. None of the policies shares a condition with another."""
    return {"kind": [{"anything-but": {"prefix": f"zz{number:04}{place:03}"}} for place in range(150)]}


CASES = {
    # The attribute begins with no excluded prefix, so that each policy matches only if its other key is met.
    "excluded": (6_000, lambda n: excluded(n) | {"never": ["x"]}, None, lambda t: batch(t, kind="a", other="b")),
    "excluded-alone": (6_000, excluded, None, lambda t: batch(t, other="b", kind="zz")),
    "values": (
        5_000,
        lambda n: {"n": [{"numeric": [">", n, "<=", n + 900_000]}], "m": [{"numeric": [">", n]}]},
        "MessageBody",
        lambda t: one(t, json.dumps({"n": list(range(20_000)), "m": [-1]})),
    ),
    "wide-20000": (20_000, None, None, one),
    "wide-100000": (100_000, None, None, one),
    "filtered-20000": (20_000, lambda n: {"kind": ["a", f"b{n}"]}, None, lambda t: one(t, kind="a")),
}
DEFAULT = ["excluded", "excluded-alone", "values", "wide-20000", "wide-100000", "filtered-20000"]


def measure(url, name, repeat):
    count, policy, scope, publication = CASES[name]
    connection, topic = Connection(url), f"hold-{name}"
    connection.all([{"Action": "CreateTopic", "Name": topic}])
    started = time.monotonic()
    connection.all(subscriptions(topic, count, policy, scope))
    prepared = time.monotonic() - started
    context = multiprocessing.get_context("spawn")
    stop, ready, results = context.Event(), context.Event(), context.Queue()
    process = context.Process(target=victim, args=(url, stop, ready, results))
    process.start()
    ready.wait()
    time.sleep(0.5)
    took, statuses = [], []
    for _ in range(repeat):
        started = time.monotonic()
        status, _ = connection.ask(**publication(topic))
        took.append(time.monotonic() - started)
        statuses.append(status)
        time.sleep(0.5)
    stop.set()
    waits = results.get()
    process.join()
    ms = lambda seconds: f"{seconds * 1000:.1f}"
    print(
        f"{name}: worst wait {ms(waits[-1])} ms, p99 {ms(waits[int(len(waits) * 0.99)])} ms, "
        f"median {ms(waits[len(waits) // 2])} ms; publications {' '.join(map(ms, took))} ms, "
        f"statuses {sorted(set(statuses))}; {count} subscriptions made in {prepared:.1f} s",
        flush=True,
    )
    connection.all([{"Action": "DeleteTopic", "TopicArn": arn("sns", topic)}])
    connection.all(
        {"Action": "DeleteQueue", "QueueUrl": f"{url}/{ACCOUNT}/{topic}-{number}"} for number in range(count)
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:9324")
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--repeat", type=int, default=4)
    arguments = parser.parse_args()
    for name in arguments.case or DEFAULT:
        measure(arguments.url.rstrip("/"), name, arguments.repeat)


if __name__ == "__main__":
    main()
