"""Clients without a key: bodies that do not end, connections that stay, pages of a browser."""

import socket
import time

from attacks import Outcome, attack, outcome
from broker import USER, USERS, Broker
from client import Client, Other, head, probe


def until_cut(sockets, seconds):
    """How many of the sockets the broker closes within some seconds."""
    deadline, cut = time.monotonic() + seconds, set()
    while time.monotonic() < deadline and len(cut) < len(sockets):
        for stranger in sockets:
            if stranger in cut:
                continue
            try:
                stranger.setblocking(False)
                if not stranger.recv(4096):
                    cut.add(stranger)
            except BlockingIOError:
                pass
            except OSError:
                cut.add(stranger)
        time.sleep(0.05)
    return len(cut)


@attack
def unsigned_bodies(program):
    """40 clients without a key announce bodies of 8 MiB, send all but the last byte, and wait for 25 seconds."""
    with Broker(program, sections=USERS) as broker, Other(broker.port, USER) as other:
        strangers = []
        body = b"x" * (8 * 1024 * 1024 - 1)
        for _ in range(40):
            stranger = socket.create_connection(("127.0.0.1", broker.port), timeout=2)
            headers = {"host": "127.0.0.1", "content-type": "application/x-amz-json-1.0"}
            headers["x-amz-target"] = "AmazonSQS.SendMessage"
            try:
                stranger.sendall(head("POST", "/", headers, len(body) + 1))
                stranger.sendall(body)
            except OSError:
                pass
            strangers.append(stranger)
        cut = until_cut(strangers, 25)
        return outcome(broker, other, f"{other.refusals} refusals of the signed client; {cut} of 40 cut off")


@attack
def connections_without_a_key(program):
    """As many connections as the broker takes (500 here), each with one unsigned request, stay open for ten seconds."""
    with Broker(program, sections="[limits]\nconnections_max = 500\n" + USERS) as broker:
        strangers = []
        request = head("GET", "/", {"host": "127.0.0.1"}, 0)
        for _ in range(500):
            stranger = socket.create_connection(("127.0.0.1", broker.port), timeout=5)
            try:
                stranger.sendall(request)
            except OSError:
                pass
            strangers.append(stranger)
        served, refused, deadline = 0, 0, time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                status, _ = Client(broker.port, USER, timeout=5).call("ListQueues")
                served += status == 200
                refused += status != 200
            except (OSError, ValueError):
                refused += 1
            time.sleep(0.1)
        health, _ = probe(broker.admin, "/healthz")
        for stranger in strangers:
            stranger.close()
        return outcome(broker, None, f"signed requests on new connections: {served} served, {refused} refused; healthz {health}")


@attack
def form_of_dots(program):
    """One unsigned form of 8 MB in which 7,900 keys are dots and a number."""
    with Broker(program) as broker, Other(broker.port) as other:
        # Not in order, so that each name is compared with some ten others.
        names = [b"." * (900 + number * 7 % 100) + str(number * 31 % 7919).encode() for number in range(7_900)]
        body = b"Action=SendMessage&" + b"=1&".join(names)
        headers = {"host": "127.0.0.1", "content-type": "application/x-www-form-urlencoded"}
        began = time.monotonic()
        status, _ = Client(broker.port).exchange(head("POST", "/", headers, len(body)) + body, as_json=False)
        return outcome(broker, other, f"answered {status} after {(time.monotonic() - began) * 1000:.0f} ms")


@attack
def page_of_a_browser(program):
    """A foreign web page asks a broker without users to delete a queue, in the three ways that need no permission."""
    ways = {
        "an image": {"host": "127.0.0.1", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        "a script": {"host": "127.0.0.1", "origin": "https://page.example", "sec-fetch-site": "cross-site"},
        "a rebound name": {"host": "page.example", "sec-fetch-site": "same-origin"},
    }
    with Broker(program) as broker:
        done = []
        for way, headers in ways.items():
            name = way.replace(" ", "-")
            Client(broker.port).queue(name)
            path = f"/000000000000/{name}?Action=DeleteQueue&Version=2012-11-05"
            status, _ = Client(broker.port).exchange(head("GET", path, headers, 0), as_json=False)
            done.append(f"{way}: {status}")
        _, answer = Client(broker.port).call("ListQueues")
        left = len(answer.get("QueueUrls", []))
        return Outcome(broker.peak_kib, None, f"{'; '.join(done)}; {left} of 3 queues left", broker.complaints())


@attack
def two_hosts(program):
    """Requests with no `Host` header and with two."""
    with Broker(program) as broker:
        statuses = []
        for hosts in ([], ["a.example", "b.example"]):
            lines = ["POST / HTTP/1.1", *(f"host: {host}" for host in hosts), "content-length: 0", "", ""]
            status, _ = Client(broker.port).exchange("\r\n".join(lines).encode(), as_json=False)
            statuses.append(f"{len(hosts)} hosts: {status}")
        return outcome(broker, None, "; ".join(statuses))
