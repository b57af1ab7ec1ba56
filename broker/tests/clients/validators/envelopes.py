"""Collects what a webhook receives from the broker: each kind of envelope in both signature versions.

Writes them to the directory of the first argument, as VERSION-KIND.json. A file VERSION-KIND.changed.json has the same
envelope with another message. The broker is called by hand: no SDK is judged here.
"""

import http.server
import json
import pathlib
import queue
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

BROKER = "http://127.0.0.1:9324/"
WEBHOOK = ("127.0.0.1", 9400)
PATIENCE_SECONDS = 30

received = queue.Queue()


class Webhook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        received.put(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def call(action, **parameters):
    form = urllib.parse.urlencode({"Action": action, "Version": "2010-03-31", **parameters}).encode()
    with urllib.request.urlopen(BROKER, form) as answer:
        return answer.read().decode()


def text(answer, element):
    return answer.split(f"<{element}>")[1].split(f"</{element}>")[0]


def await_broker():
    for _ in range(PATIENCE_SECONDS * 10):
        try:
            return call("ListTopics")
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    sys.exit("the broker does not answer")


def keep(directory, name, kind):
    envelope = json.loads(received.get(timeout=PATIENCE_SECONDS))
    assert envelope["Type"] == kind, envelope
    (directory / f"{name}.json").write_text(json.dumps(envelope), "utf-8")
    changed = {**envelope, "Message": envelope["Message"] + "!"}
    (directory / f"{name}.changed.json").write_text(json.dumps(changed), "utf-8")
    return envelope


def collect(directory, version):
    topic = text(call("CreateTopic", Name=f"version-{version}", **{
        "Attributes.entry.1.key": "SignatureVersion", "Attributes.entry.1.value": version,
    }), "TopicArn")
    call("Subscribe", TopicArn=topic, Protocol="http", Endpoint="http://%s:%d/" % WEBHOOK)
    asked = keep(directory, f"{version}-confirmation", "SubscriptionConfirmation")
    assert asked["SignatureVersion"] == version, asked
    subscription = text(call("ConfirmSubscription", TopicArn=topic, Token=asked["Token"]), "SubscriptionArn")
    call("Publish", TopicArn=topic, Message="plain")
    keep(directory, f"{version}-notification", "Notification")
    call("Publish", TopicArn=topic, Subject="With & <b>", Message="line\nline \U0001f4ee \"quoted\"", **{
        "MessageAttributes.entry.1.Name": "a",
        "MessageAttributes.entry.1.Value.DataType": "String",
        "MessageAttributes.entry.1.Value.StringValue": "v",
    })
    keep(directory, f"{version}-notification-with-subject", "Notification")
    call("Unsubscribe", SubscriptionArn=subscription)
    keep(directory, f"{version}-unsubscription", "UnsubscribeConfirmation")


directory = pathlib.Path(sys.argv[1])
directory.mkdir()
webhook = http.server.ThreadingHTTPServer(WEBHOOK, Webhook)
threading.Thread(target=webhook.serve_forever, daemon=True).start()
await_broker()
for version in "1", "2":
    collect(directory, version)
