"""A client of Posthouse's native protocol, written from docs/protocol.md with nothing but Python's standard library.

    python3 client.py HOST:PORT QUEUE [ACCESS_KEY_ID SECRET]

Sends messages to a queue, breaks its connection, sends again what may be lost, receives every message once, settles, and
prints what happened as a JSON object.
"""

import hashlib
import hmac
import json
import os
import socket
import struct
import sys

HELLO, CHALLENGE, PROVE, READY = 0x01, 0x02, 0x03, 0x04
OPEN_PRODUCER, PRODUCER_OPENED, OPEN_CONSUMER, CONSUMER_OPENED, CLOSE, CLOSED = 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D
SEND, SENT, CREDIT, DELIVER, SETTLE, SETTLED, GET_HANDLE, HANDLE = 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17
CALL, REPLY, PING, PONG, GO_AWAY, FAULT = 0x20, 0x21, 0x30, 0x31, 0x32, 0x3F
CHECKED, MORE = 1, 2
DELETE, RELEASE, EXTEND, DEAD_LETTER = 1, 2, 3, 4
OF_QUEUE = 0xFFFFFFFF


class Fault(Exception):
    """The broker's refusal: its code, its flags, its name and its sentence."""


def table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


CASTAGNOLI = list(table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CASTAGNOLI[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def siphash_2_4_128(key, data):
    """SipHash-2-4 with 128 bits of output."""
    mask = (1 << 64) - 1
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotated(value, bits):
        return (value << bits | value >> (64 - bits)) & mask

    def mix(a, b, bits):
        v[a] = (v[a] + v[b]) & mask
        v[b] = rotated(v[b], bits) ^ v[a]

    def rounds(count):
        for _ in range(count):
            mix(0, 1, 13)
            v[0] = rotated(v[0], 32)
            mix(2, 3, 16)
            mix(0, 3, 21)
            mix(2, 1, 17)
            v[2] = rotated(v[2], 32)

    whole = len(data) // 8 * 8
    words = [word for (word,) in struct.iter_unpack("<Q", data[:whole])]
    words.append(int.from_bytes(data[whole:], "little") | len(data) % 256 << 56)
    for word in words:
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE
    rounds(4)
    first = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(4)
    return struct.pack("<QQ", first, v[0] ^ v[1] ^ v[2] ^ v[3])


def message_id(producer, number):
    """The id of a producer's message, which does not cross."""
    hashed = bytearray(siphash_2_4_128(producer, struct.pack("<Q", number)))
    hashed[6] = 0x40 | hashed[6] & 0x0F
    hashed[8] = 0x80 | hashed[8] & 0x3F
    return uuid(hashed)


def uuid(data):
    digits = data.hex()
    return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])


def text(value):
    encoded = value.encode()
    return struct.pack("<H", len(encoded)) + encoded


def head(fields=b""):
    return struct.pack("<H", len(fields)) + fields


class Reader:
    """Reads fields. Beyond the end of a head, a field has its default."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        if count > len(self.data):
            raise ValueError("a payload ends within a field")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, count, default=None):
        if not self.data and default is not None:
            return default
        return int.from_bytes(self.take(count), "little")

    def text(self):
        return self.take(self.number(2)).decode() if self.data else ""

    def head(self):
        return Reader(self.take(self.number(2)))

    def entry(self):
        return Reader(self.take(self.number(4)))


class Connection:
    """One TCP connection after its hello."""

    def __init__(self, address, access_key_id="", secret=""):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.received, self.requests, self.waiting = b"", 0, []
        self.hello(access_key_id, secret)

    def hello(self, access_key_id, secret):
        fields = struct.pack("<BBQ", 0, 0, 0) + os.urandom(32)
        fields += text("") + text(access_key_id) + text("a client in Python") + text("1")
        hello = b"PSTH\x01" + head(fields)
        challenge = self.ask(HELLO, 0, hello, CHALLENGE)
        said = Reader(challenge).head()
        minor, flags, features, _nonce = said.number(1), said.number(1), said.number(8), said.take(32)
        self.log_identity, self.heartbeat_ms = said.take(16), said.number(4)
        assert (minor, features) == (0, 0), "version 1.0 without features"

        def proof(side):
            covered = side + struct.pack("<Q", len(hello)) + hello + struct.pack("<Q", len(challenge)) + challenge
            return hmac.new(secret.encode(), covered, hashlib.sha256).digest()

        own = proof(b"posthouse-1 client") if flags & 1 else b""
        ready = Reader(self.ask(PROVE, 0, head(bytes([len(own)]) + own), READY)).head()
        given = ready.take(ready.number(1))
        if flags & 1 and not hmac.compare_digest(given, proof(b"posthouse-1 server")):
            raise ConnectionError("the broker does not know the secret")

    def write(self, kind, link, request, payload):
        start = struct.pack("<IBBHI", len(payload), kind, CHECKED, link, request)
        check = crc32c(start + bytes(4) + payload)
        self.socket.sendall(start + struct.pack("<I", check) + payload)

    def read(self):
        """The next frame: kind, flags, link, request, payload."""
        while len(self.received) < 16 or len(self.received) < 16 + int.from_bytes(self.received[:4], "little"):
            more = self.socket.recv(1 << 16)
            if not more:
                raise ConnectionError("the broker has closed the connection")
            self.received += more
        length, kind, flags, link, request, check = struct.unpack("<IBBHII", self.received[:16])
        payload = self.received[16:16 + length]
        assert check == crc32c(self.received[:12] + bytes(4) + payload), "the check is right"
        self.received = self.received[16 + length:]
        return kind, flags, link, request, payload

    def ask(self, kind, link, payload, answer):
        """Makes a request, and returns the payload of its answer. Other frames wait for `next`."""
        self.requests += 1
        self.write(kind, link, self.requests, payload)
        return self.answer(link, self.requests, answer)

    def answer(self, link, request, answer):
        whole = b""
        while True:
            frame = self.read()
            kind, flags, found_link, found, payload = frame
            if kind == PING:
                self.write(PONG, 0, found, head())
            elif kind == FAULT and (found_link, found) in ((link, request), (link, 0), (0, 0)):
                fault = Reader(payload).head()
                raise Fault(fault.number(2), fault.number(1, 0), fault.text(), fault.text())
            elif kind == answer and (found_link, found) == (link, request):
                whole += payload
                if not flags & MORE:
                    return whole
            else:
                self.waiting.append(frame)

    def next(self, kind, link):
        """The payload of the next frames of a kind that answer nothing."""
        whole = b""
        while True:
            if (found := next((frame for frame in self.waiting if frame[0] == kind and frame[2] == link), None)):
                self.waiting.remove(found)
            else:
                found = self.read()
            found_kind, flags, found_link, request, payload = found
            if (found_kind, found_link) == (kind, link):
                whole += payload
                if not flags & MORE:
                    return whole
            elif found_kind == PING:
                self.write(PONG, 0, request, head())
            else:
                self.waiting.append(found)

    def call(self, operation, parameters):
        reply = Reader(self.ask(CALL, 0, head(text(operation)) + json.dumps(parameters).encode(), REPLY))
        reply.head()
        return json.loads(reply.data)


class Producer:
    """A link that sends. Its id is the same over all connections."""

    def __init__(self, connection, link, queue, producer_id):
        self.connection, self.link, self.id = connection, link, producer_id
        opened = Reader(connection.ask(OPEN_PRODUCER, link, head(producer_id + b"\0" + text(queue)), PRODUCER_OPENED))
        said = opened.head()
        self.flags, self.last = said.number(1), said.number(8)
        self.message_bytes_max, self.window, self.window_bytes = said.number(4), said.number(4), said.number(4)
        self.arn = said.text()

    def write(self, first, messages):
        """Writes a SEND. A message is a body, a group, a deduplication id and attributes."""
        payload = head(struct.pack("<QH", first, len(messages)))
        for body, group, deduplication_id, attributes in messages:
            encoded, attributes = body.encode(), b"".join(attribute(*each) for each in attributes)
            fields = struct.pack("<IIBH", len(attributes), len(encoded), 0, 0xFFFF)
            fields += text(group) + text(deduplication_id)
            entry = head(fields) + attributes + encoded
            payload += struct.pack("<I", len(entry)) + entry
        self.connection.requests += 1
        self.connection.write(SEND, self.link, self.connection.requests, payload)
        return self.connection.requests

    def sent(self, request):
        """The outcome of each message of a SEND: its id and its sequence number, or its fault."""
        sent = Reader(self.connection.answer(self.link, request, SENT))
        said = sent.head()
        first, count = said.number(8), said.number(2)
        failures, duplicates, ranges = said.number(2, 0), said.number(2, 0), said.number(2, 0)
        outcomes = [{"id": message_id(self.id, first + index)} for index in range(count)]
        for _ in range(failures):
            failure = sent.head()
            index, code, _flags = failure.number(2), failure.number(2), failure.number(1)
            outcomes[index] = {"fault": code, "name": failure.text()}
        for _ in range(duplicates):
            duplicate = sent.head()
            outcomes[duplicate.number(2)] = {"id": uuid(duplicate.take(16)), "duplicate": True}
        for _ in range(ranges):
            numbers = sent.head()
            index, length, number = numbers.number(2), numbers.number(2), numbers.number(16)
            for offset in range(length):
                outcomes[index + offset]["sequence_number"] = str(number + offset)
        return outcomes


def attribute(name, data_type, value):
    kind, encoded = (1, value) if isinstance(value, bytes) else (0, value.encode())
    entry = head(bytes([kind]) + text(name) + text(data_type) + struct.pack("<I", len(encoded))) + encoded
    return struct.pack("<I", len(entry)) + entry


class Consumer:
    """A link that receives."""

    def __init__(self, connection, link, queue, visibility_seconds=OF_QUEUE):
        self.connection, self.link, self.granted, self.bytes = connection, link, 0, 0
        connection.ask(OPEN_CONSUMER, link, head(text(queue) + struct.pack("<I", visibility_seconds)), CONSUMER_OPENED)

    def grant(self, messages):
        """Lets the broker deliver so many more messages, and 1 MiB more."""
        self.granted += messages
        self.bytes += 1 << 20
        self.connection.write(CREDIT, self.link, 0, head(struct.pack("<QQ", self.granted, self.bytes)))

    def receive(self):
        """The messages of the next DELIVER."""
        deliver = Reader(self.connection.next(DELIVER, self.link))
        said = deliver.head()
        first, count = said.number(8), said.number(2)
        return [self.message(first + index, deliver.entry()) for index in range(count)]

    def message(self, delivery, entry):
        said = entry.head()
        attribute_bytes, body_bytes, found = said.number(4), said.number(4), {"delivery": delivery}
        found["id"], found["sent_ms"] = uuid(said.take(16)), said.number(8)
        said.number(8)
        found["receive_count"], found["sequence_number"] = said.number(4), str(said.number(16, 0))
        found["sender"], found["group"] = said.text(), said.text()
        attributes, found["attributes"] = Reader(entry.take(attribute_bytes)), {}
        while attributes.data:
            each = attributes.entry()
            fields = each.head()
            kind, name, data_type = fields.number(1), fields.text(), fields.text()
            value = each.take(fields.number(4))
            found["attributes"][name] = [data_type, value.hex() if kind else value.decode()]
        found["body"] = entry.take(body_bytes).decode()
        return found

    def settle(self, *ranges):
        """Settles ranges of a verb, seconds, a first delivery and a count. Returns the exceptions."""
        payload = head(struct.pack("<H", len(ranges)))
        payload += b"".join(head(struct.pack("<BIQI", *each)) for each in ranges)
        settled = Reader(self.connection.ask(SETTLE, self.link, payload, SETTLED))
        exceptions = [settled.head() for _ in range(settled.head().number(2, 0))]
        return [(each.number(8), each.number(4), each.number(2)) for each in exceptions]

    def handle(self, delivery):
        asked = self.connection.ask(GET_HANDLE, self.link, head(struct.pack("<Q", delivery)), HANDLE)
        return Reader(asked).head().text()


def session(address, queue, *credentials):
    """Sends six messages, of which the broker refuses one, and receives the others. Returns what happened."""
    is_fifo = queue.endswith(".fifo")

    def made(number):
        group, deduplication_id = (f"g{number % 2}", str(number)) if is_fifo else ("", "")
        return f"message {number}", group, deduplication_id, [("n", "Number", str(number)), ("b", "Binary", b"\x01\xff")]

    connection, producer_id = Connection(address, *credentials), os.urandom(16)
    producer = Producer(connection, 1, queue, producer_id)
    assert producer.last == 0 and bool(producer.flags & 2) == is_fifo
    # Two SENDs are under way at once. The second one is refused in part: a control character is no text of SQS.
    bad = ("\x01", *made(4)[1:])
    requests = [producer.write(1, [made(1), made(2)]), producer.write(3, [made(3), bad])]
    sent = [outcome for request in requests for outcome in producer.sent(request)]
    # A number that leaves one out is refused, and stores nothing.
    try:
        producer.sent(producer.write(6, [made(6)]))
        raise AssertionError("a gap was taken")
    except Fault as fault:
        assert fault.args[2] == "OutOfSequence", fault
    # The connection breaks before the answer has come: the client cannot know whether 5 and 6 are stored.
    producer.write(5, [made(5), made(6)])
    connection.socket.close()
    connection = Connection(address, *credentials)
    producer = Producer(connection, 7, queue, producer_id)
    assert producer.last in (4, 5, 6) and producer.flags & 1
    sent += producer.sent(producer.write(5, [made(5), made(6)]))
    assert connection.ask(CLOSE, 7, head(), CLOSED) == head()

    consumer, received = Consumer(connection, 8, queue, 60), []
    while len(received) < 5:
        consumer.grant(5)
        delivered = consumer.receive()
        first, count = delivered[0]["delivery"], len(delivered)
        assert first == len(received) + 1 and consumer.handle(first)
        assert consumer.settle((EXTEND, 300, first, count)) == []
        assert consumer.settle((DELETE, 0, first, count)) == []
        received += delivered
    # What was settled is unknown to the link, and so is what was never delivered.
    exceptions = consumer.settle((DELETE, 0, 1, 1), (RELEASE, 0, 999, 2))
    connection.ask(CLOSE, 8, head(), CLOSED)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    output = connection.call("sqs.GetQueueAttributes", {"QueueUrl": queue, "AttributeNames": names})
    left = [output["Attributes"][name] for name in names]
    return {"arn": producer.arn, "sent": sent, "received": received, "exceptions": exceptions, "left": left}


if __name__ == "__main__":
    print(json.dumps(session(*sys.argv[1:])))
