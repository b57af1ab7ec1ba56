"""Clients that ask for large answers: those that do not read them, and honest ones."""

import socket
import threading
import time

from attacks import attack, outcome
from broker import Broker
from client import Client, Http2, Other

#: A body of one megabyte that is two as JSON text.
QUOTES = '"' * 1_000_000
MESSAGES_OF_A_RECEIVE = 10


def fill(port, count, visibility="0"):
    """A queue with `count` messages of quotation marks that are visible again at once."""
    client = Client(port)
    url = client.queue("large", VisibilityTimeout=visibility, MaximumMessageSize="1048576")
    for _ in range(count):
        status, answer = client.call("SendMessage", QueueUrl=url, MessageBody=QUOTES)
        assert status == 200, (status, answer)
    return url


@attack
def http2_window_of_zero(program):
    """One HTTP/2 connection whose window is zero asks for 100 answers of ten megabytes."""
    with Broker(program) as broker:
        url = fill(broker.port, MESSAGES_OF_A_RECEIVE)
        with Other(broker.port) as other:
            connection = Http2(broker.port)
            request = Client(broker.port).request(
                "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
            )
            top, body = request.split(b"\r\n\r\n", 1)
            headers = [line.split(": ", 1) for line in top.decode().split("\r\n")[1:]]
            headers = [(name, value) for name, value in headers if name != "host"]
            for _ in range(100):
                connection.post(headers, body)
            began, ended = time.monotonic(), None
            connection.socket.settimeout(1)
            while time.monotonic() - began < 70 and ended is None:
                try:
                    if not connection.socket.recv(1 << 16):
                        ended = time.monotonic() - began
                except TimeoutError:
                    pass
                except OSError:
                    ended = time.monotonic() - began
            seen = f"disconnected after {ended:.0f} s" if ended else "never disconnected"
            return outcome(broker, other, seen)


@attack
def http1_slow_readers(program):
    """100 HTTP/1.1 connections ask for ten megabytes each, and read 4 KiB every ten seconds, for 70 seconds."""
    with Broker(program) as broker:
        url = fill(broker.port, MESSAGES_OF_A_RECEIVE)
        with Other(broker.port) as other:
            request = Client(broker.port).request(
                "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
            )
            readers = []
            for _ in range(100):
                reader = socket.socket()
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                reader.connect(("127.0.0.1", broker.port))
                reader.sendall(request)
                reader.settimeout(0.05)
                readers.append(reader)
            cut = set()
            for _ in range(7):
                time.sleep(10)
                for reader in readers:
                    try:
                        if not reader.recv(4096):
                            cut.add(reader)
                    except TimeoutError:
                        pass
                    except OSError:
                        cut.add(reader)
            return outcome(broker, other, f"{len(cut)} of 100 disconnected after 70 s")


@attack
def honest_consumers(program):
    """40 consumers receive ten megabytes each at once, and read as fast as they can."""
    with Broker(program) as broker:
        url = fill(broker.port, MESSAGES_OF_A_RECEIVE)
        received, failed = [], []

        def consume():
            client = Client(broker.port)
            want, deadline = 10, time.monotonic() + 60
            while want > 0 and time.monotonic() < deadline:
                status, answer = client.call(
                    "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=want, VisibilityTimeout=0, WaitTimeSeconds=5
                )
                if status != 200:
                    failed.append(status)
                    time.sleep(0.1)
                got = len(answer.get("Messages", []))
                received.append(got)
                want -= got

        with Other(broker.port) as other:
            consumers = [threading.Thread(target=consume) for _ in range(40)]
            began = time.monotonic()
            for consumer in consumers:
                consumer.start()
            for consumer in consumers:
                consumer.join()
            took = time.monotonic() - began
            seen = f"{sum(received)} of 400 messages in {took:.1f} s, {len(failed)} refusals"
            return outcome(broker, other, seen)
