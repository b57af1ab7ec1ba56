"""Damaged files, disks that are full or removed, and an end of the log that was lost."""

import shutil
import subprocess
import time

from attacks import attack, outcome
from broker import Broker
from client import Client, probe

MARK = b"the-damaged-one"


def flip(broker, text):
    """Flips one bit of each place in the log's files where the text stands. Returns how many there are."""
    found = 0
    for segment in broker.segments():
        content = segment.read_bytes()
        at = content.find(text)
        with open(segment, "r+b") as file:
            while at >= 0:
                file.seek(at)
                file.write(bytes([content[at] ^ 1]))
                found += 1
                at = content.find(text, at + 1)
    return found


def receive_all(client, url, seconds, visibility):
    """The bodies that a consumer gets and deletes within some seconds, and the error statuses that it meets."""
    bodies, errors, deadline = [], [], time.monotonic() + seconds
    while time.monotonic() < deadline:
        status, answer = client.call(
            "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=visibility, WaitTimeSeconds=1
        )
        if status != 200:
            errors.append(status)
            time.sleep(0.2)
        for message in answer.get("Messages", []):
            bodies.append(message["Body"])
            client.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies, errors


def damaged(program, name, **attributes):
    """The outcome of a flipped bit in the first of ten messages of a queue."""
    with Broker(program, sections="[storage]\ntail_bytes = 1048576\ncheckpoint_bytes = 1048576") as broker:
        client = Client(broker.port)
        dead = client.queue("dead.fifo" if name.endswith(".fifo") else "dead", **attributes)
        arn = "arn:aws:sqs:us-east-1:000000000000:" + dead.rsplit("/", 1)[1]
        redrive = '{"deadLetterTargetArn":"%s","maxReceiveCount":"3"}' % arn
        url = client.queue(name, RedrivePolicy=redrive, **attributes)
        more = {"MessageGroupId": "g"} if name.endswith(".fifo") else {}
        for number in range(10):
            body = MARK.decode() if number == 0 else f"healthy {number}"
            client.call("SendMessage", QueueUrl=url, MessageBody=body, **more)
        # The messages leave the memory of the log's end, and a start no longer replays their records.
        filler = client.queue("filler", MaximumMessageSize="1048576")
        for _ in range(8):
            client.call("SendMessage", QueueUrl=filler, MessageBody="x" * 1_000_000)
        time.sleep(1)
        places = flip(broker, MARK)
        bodies, errors = receive_all(client, url, 8, 1)
        buried, _ = receive_all(client, dead, 2, 1)
        seen = f"{len(bodies)} of 9 healthy delivered, {len(buried)} in the dead-letter queue, {len(errors)} errors ({places} bit)"
        return outcome(broker, None, seen)


@attack
def damaged_message(program):
    """One bit of one of ten stored messages is flipped; the queue has a dead-letter queue."""
    return damaged(program, "standard")


@attack
def damaged_first_of_a_group(program):
    """The same in a FIFO queue: the first message of the only group."""
    return damaged(program, "orders.fifo", FifoQueue="true", ContentBasedDeduplication="true")


@attack
def zeroed_tail(program):
    """After SIGKILL the last 256 KiB of the log are zeros, as after a lying disk. 600 messages were acknowledged."""
    with Broker(program) as broker:
        client = Client(broker.port)
        url = client.queue("queue")
        for _ in range(300):
            client.call("SendMessage", QueueUrl=url, MessageBody="x" * 2000)
        time.sleep(2.5)
        for _ in range(300):
            client.call("SendMessage", QueueUrl=url, MessageBody="x" * 2000)
        time.sleep(2.5)
        broker.kill()
        for segment in broker.segments():
            content = segment.read_bytes()
            end = len(content.rstrip(b"\0"))
            if end < len(content):
                break
        segment.write_bytes(content[: max(end - 262144, 4096)] + bytes(len(content) - max(end - 262144, 4096)))
        try:
            broker.start()
            _, answer = Client(broker.port).call(
                "GetQueueAttributes", QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )
        except (RuntimeError, OSError):
            # The socket is open before the log is read, and closed when the start is refused.
            try:
                broker.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            last = (broker.log().strip().splitlines() or [""])[-1]
            return outcome(broker, None, f"the start is refused: {last[:200]}")
        left = answer.get("Attributes", {}).get("ApproximateNumberOfMessages", "none")
        return outcome(broker, None, f"{left} of 600 messages left")


@attack
def damaged_superblock_slot(program):
    """One of the superblock's two slots is overwritten while the broker is stopped."""
    with Broker(program) as broker:
        Client(broker.port).queue("queue")
        broker.stop()
        superblock = broker.data / "superblock"
        content = bytearray(superblock.read_bytes())
        slots = [int.from_bytes(content[at + 32 : at + 40], "little") for at in (0, 4096)]
        older = 0 if slots[0] < slots[1] else 4096
        content[older : older + 64] = b"\xff" * 64
        superblock.write_bytes(content)
        broker.start()
        _, answer = Client(broker.port).call("ListQueues")
        return outcome(broker, None, f"{len(answer.get('QueueUrls', []))} of 1 queue left")


@attack
def removed_directory(program):
    """The data directory is removed under a running broker, and messages are sent until a new segment is needed."""
    with Broker(program, sections="[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576") as broker:
        client = Client(broker.port)
        url = client.queue("queue", MaximumMessageSize="1048576")
        deadline = time.monotonic() + 20
        while not (broker.data / "sns-signing-key.pem").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        shutil.rmtree(broker.data)
        answers = []
        for _ in range(60):
            try:
                status, answer = client.call("SendMessage", QueueUrl=url, MessageBody="x" * 1_000_000)
            except OSError:
                status, answer = 0, {}
            answers.append((status, answer.get("message", "") or answer.get("Message", "")))
        last = next((text for status, text in reversed(answers) if status != 200), "")
        try:
            ready, text = probe(broker.admin, "/readyz")
        except OSError:
            ready, text = 0, b""
        seen = f"refused with {last[:120]!r}; readyz {ready} {text[:120]!r}"
        return outcome(broker, None, seen)
