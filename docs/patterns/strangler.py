"""Strangler: the same topic feeds the old service and the new one over HTTP, until the new one has taken over.

The broker's address is in AWS_ENDPOINT_URL; it has to be allowed to call 127.0.0.1. Fails where an order is handled by
the wrong service, twice, or not at all, also where the new service is down for a while.
"""

import json
import threading
import time
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3

sns = boto3.client("sns")
topic = sns.create_topic(Name=f"orders-{uuid.uuid4().hex[:8]}")["TopicArn"]
services = {}


class Service(ThreadingHTTPServer):
    def __init__(self, name):
        super().__init__(("127.0.0.1", 0), Handler)
        self.handled, self.down, self.refused, services[name] = [], False, 0, self
        threading.Thread(target=self.serve_forever, daemon=True).start()
        retries = {"healthyRetryPolicy": {"numRetries": 20, "minDelayTarget": 1, "maxDelayTarget": 1}}
        attributes = {"RawMessageDelivery": "true", "DeliveryPolicy": json.dumps(retries)}
        url = f"http://127.0.0.1:{self.server_port}/orders"
        self.subscription = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url, Attributes=attributes,
                                          ReturnSubscriptionArn=True)["SubscriptionArn"]
        eventually(self.is_confirmed, f"the {name} service confirms")

    def is_confirmed(self):
        shown = sns.get_subscription_attributes(SubscriptionArn=self.subscription)["Attributes"]
        return shown["PendingConfirmation"] == "false"

    def wants(self, policy):
        sns.set_subscription_attributes(SubscriptionArn=self.subscription, AttributeName="FilterPolicy",
                                        AttributeValue=json.dumps(policy))


class Handler(BaseHTTPRequestHandler):
    """Raw delivery posts what was published and nothing else; only confirmations speak of SNS."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        kind = self.headers["x-amz-sns-message-type"]
        if kind == "SubscriptionConfirmation":
            urllib.request.urlopen(json.loads(body)["SubscribeURL"], timeout=10).read()
        elif kind == "Notification" and self.server.down:
            self.server.refused += 1
        elif kind == "Notification":
            self.server.handled.append(body)
        self.send_response(503 if self.server.down else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def eventually(true, what):
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, f"not within 30 s: {what}"
        time.sleep(0.05)


def publish(**orders):
    for order, country in orders.items():
        attribute = {"country": {"DataType": "String", "StringValue": country}}
        sns.publish(TopicArn=topic, Message=order, MessageAttributes=attribute)


def expect(**expected):
    def enough():
        return all(len(services[name].handled) >= len(orders) for name, orders in expected.items())

    eventually(enough, f"{expected}")
    time.sleep(0.3)  # Time for what should not come.
    got = {name: sorted(services[name].handled) for name in expected}
    assert got == expected, f"handled: {got}, expected: {expected}"
    print("   " + "; ".join(f"{name}: {', '.join(orders) or 'nothing'}" for name, orders in expected.items()))
    for name in expected:
        services[name].handled.clear()


print("1. everything goes to the old service")
old = Service("old")
publish(order1="de", order2="fr")
expect(old=["order1", "order2"])

print("2. the new service runs in the shadow and sees the same")
new = Service("new")
publish(order3="de", order4="fr")
expect(old=["order3", "order4"], new=["order3", "order4"])

print("3. the new service takes over one country; at first it is down")
old.wants({"country": [{"anything-but": ["fr"]}]})
new.wants({"country": ["fr"]})
new.down = True
publish(order5="de", order6="fr")
eventually(lambda: new.refused >= 2, "the new service is tried again")
expect(old=["order5"], new=[])
new.down = False
expect(new=["order6"])

print("4. the old service is unsubscribed; the new one gets everything")
sns.unsubscribe(SubscriptionArn=old.subscription)
new.wants({})
publish(order7="de", order8="fr")
expect(old=[], new=["order7", "order8"])
