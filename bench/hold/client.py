"""Clients: one that behaves and measures how long it waits, and raw sockets for those that do not behave."""

import datetime
import hashlib
import hmac
import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


def signed(action, payload, key, host, region="us-east-1", target="AmazonSQS"):
    """The head and the body of a request of the JSON protocol, signed with `key` = (account, id, secret)."""
    body = json.dumps(payload).encode()
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "host": host,
        "x-amz-date": now,
        "x-amz-target": f"{target}.{action}",
    }
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        ["POST", "/", "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names, hashlib.sha256(body).hexdigest()]
    )
    scope = f"{now[:8]}/{region}/sqs/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    secret = ("AWS4" + key[2]).encode()
    for part in (now[:8], region, "sqs", "aws4_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key[1]}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return head("POST", "/", headers, len(body)) + body


def head(method, path, headers, length):
    """The head of an HTTP/1.1 request with a body of `length` bytes."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {length}", "", ""]).encode()


class Client:
    """One HTTP/1.1 connection, with requests one after the other. Anonymous without a key."""

    def __init__(self, port, key=None, timeout=120):
        self.port, self.key, self.timeout = port, key, timeout
        self.host = f"127.0.0.1:{port}"
        self.socket = None
        self.buffered = b""

    def connect(self):
        """Opens the connection if it is not open."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.buffered = b""

    def close(self):
        """Closes the connection."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def request(self, action, payload):
        """The bytes of a request."""
        if self.key:
            return signed(action, payload, self.key, self.host)
        body = json.dumps(payload).encode()
        headers = {
            "host": self.host,
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"AmazonSQS.{action}",
            "authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/sqs/aws4_request, "
            "SignedHeaders=host, Signature=0",
        }
        return head("POST", "/", headers, len(body)) + body

    def call(self, action, **payload):
        """Sends a request of SQS. Returns the status and the answer."""
        return self.exchange(self.request(action, payload))

    def query(self, **form):
        """Sends a request of SNS by the query protocol, unsigned. Returns the status and the answer as text."""
        body = urllib.parse.urlencode(form).encode()
        headers = {"host": self.host, "content-type": "application/x-www-form-urlencoded"}
        status, answer = self.exchange(head("POST", "/", headers, len(body)) + body, as_json=False)
        return status, answer.decode(errors="replace")

    def exchange(self, request, as_json=True):
        """Sends the bytes of one request, and reads its answer."""
        try:
            self.connect()
            self.socket.sendall(request)
            status, body = self._answer()
        except OSError:
            self.close()
            raise
        if not as_json:
            return status, body
        try:
            return status, json.loads(body or b"{}")
        except ValueError:
            return status, {"text": body.decode(errors="replace")}

    def _fill(self):
        part = self.socket.recv(1 << 18)
        if not part:
            raise ConnectionError("the broker closed the connection")
        return part

    def _answer(self):
        while b"\r\n\r\n" not in self.buffered:
            self.buffered += self._fill()
        top, rest = self.buffered.split(b"\r\n\r\n", 1)
        status = int(top.split()[1])
        headers = dict(line.lower().split(b": ", 1) for line in top.split(b"\r\n")[1:])
        if headers.get(b"transfer-encoding") == b"chunked":
            return status, self._chunks(rest)
        length = int(headers.get(b"content-length", 0))
        parts, have = [rest], len(rest)
        while have < length:
            parts.append(self._fill())
            have += len(parts[-1])
        whole = b"".join(parts)
        self.buffered = whole[length:]
        if headers.get(b"connection") == b"close":
            self.close()
        return status, whole[:length]

    def _chunks(self, rest):
        body = b""
        while True:
            while b"\r\n" not in rest:
                rest += self._fill()
            size, rest = rest.split(b"\r\n", 1)
            size = int(size, 16)
            while len(rest) < size + 2:
                rest += self._fill()
            body, rest = body + rest[:size], rest[size + 2 :]
            if size == 0:
                self.buffered = rest
                return body

    def queue(self, name, **attributes):
        """Makes a queue, and returns its URL."""
        status, answer = self.call("CreateQueue", QueueName=name, Attributes=attributes)
        assert status == 200, (status, answer)
        return answer["QueueUrl"]


class Other:
    """Another client: sends a small message at a steady rate, and notes how long each send took.

    A send that fails or is refused is tried again until it is taken; the wait counts from the first attempt.
    """

    def __init__(self, port, key=None, per_second=50):
        self.port, self.key, self.pause = port, key, 1 / per_second
        self.url = Client(port, key).queue("other")
        self.waits, self.refusals = [], 0
        self.ended = threading.Event()
        self.began = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        client = Client(self.port, self.key, timeout=60)
        while not self.ended.is_set():
            self.began = began = time.monotonic()
            while True:
                try:
                    status, _ = client.call("SendMessage", QueueUrl=self.url, MessageBody="a small message")
                except (OSError, ValueError):
                    status = 0
                if status == 200:
                    break
                self.refusals += 1
                client.close()
                if self.ended.is_set():
                    break
                time.sleep(0.01)
            self.waits.append(time.monotonic() - began)
            self.began = None
            time.sleep(max(0, began + self.pause - time.monotonic()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join(90)

    def worst(self):
        """The longest wait so far, in milliseconds, that of a send under way included."""
        began = self.began
        waits = [*self.waits, *([time.monotonic() - began] if began else [])]
        return max(waits, default=0) * 1000


def probe(port, path):
    """The status and the body of a GET."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Http2:
    """One HTTP/2 connection in clear text whose streams have a window of zero."""

    def __init__(self, port, window=0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(4, 0, 0, b"\x00\x04" + window.to_bytes(4, "big")))
        self.stream = 1
        self.host = f"127.0.0.1:{port}"

    @staticmethod
    def frame(kind, flags, stream, payload):
        """A frame."""
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def post(self, headers, body):
        """Begins a request on a stream of its own. HPACK: literals that are never indexed."""
        block = b"\x83\x86"
        for name, value in [(":path", "/"), (":authority", self.host), *headers]:
            block += b"\x10" + self._text(name) + self._text(value)
        self.socket.sendall(self.frame(1, 4, self.stream, block) + self.frame(0, 1, self.stream, body))
        self.stream += 2

    @staticmethod
    def _text(text):
        raw, length = text.encode(), b""
        if len(raw) < 127:
            return bytes([len(raw)]) + raw
        rest = len(raw) - 127
        while rest >= 128:
            length += bytes([rest % 128 + 128])
            rest //= 128
        return b"\x7f" + length + bytes([rest]) + raw
