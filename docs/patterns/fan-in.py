"""Fan-in: parts of an order are worked on apart; a join queue collects them and fires once, when all are there.

The broker's address is in AWS_ENDPOINT_URL. Fails where an order is completed too early, twice, or not at all.
"""

import json
import time
import uuid

import boto3

RUN = uuid.uuid4().hex[:8]
PARTS = {"stock", "payment", "address"}
sqs = boto3.client("sqs")


class Joiner:
    """Collects parts in memory. They stay in flight in the join queue until their order is complete."""

    def __init__(self):
        self.orders = {}

    def run(self, seconds, enough=10):
        """Takes in what comes within the time, or until enough orders are complete; which they are."""
        fired, deadline = [], time.monotonic() + seconds
        while time.monotonic() < deadline and len(fired) < enough:
            answer = sqs.receive_message(QueueUrl=join, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                body = json.loads(message["Body"])
                parts = self.orders.setdefault(body["order"], {})
                # A part that comes twice is one part; both copies are deleted in the end.
                parts.setdefault(body["part"], []).append(message["ReceiptHandle"])
                if parts.keys() == PARTS:
                    self.fire(body["order"])
                    fired.append(body["order"])
        return sorted(fired)

    def fire(self, order):
        # First the result, then the parts: a crash in between fires again, which the deduplication id absorbs.
        sqs.send_message(QueueUrl=complete, MessageBody=order, MessageGroupId=order, MessageDeduplicationId=order)
        for handles in self.orders.pop(order).values():
            for handle in handles:
                sqs.delete_message(QueueUrl=join, ReceiptHandle=handle)


def finish(order, part):
    """What the worker of a part does at the end of its work."""
    sqs.send_message(QueueUrl=join, MessageBody=json.dumps({"order": order, "part": part}))


# How long a part may wait for the others before it is handed out again.
join = sqs.create_queue(QueueName=f"join-{RUN}", Attributes={"VisibilityTimeout": "4"})["QueueUrl"]
complete = sqs.create_queue(QueueName=f"complete-{RUN}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]

for part in ["payment", "stock", "stock", "address"]:
    finish("order-1", part)
finish("order-2", "stock")
finish("order-2", "address")
joiner = Joiner()
fired = joiner.run(seconds=3)
assert fired == ["order-1"], f"complete are {fired}, and only order-1 should be"
print("order-1 is complete; order-2 waits for its payment")

# The joiner crashes and forgets. The parts of order-2 become visible again: the queue remembers them.
joiner = Joiner()
finish("order-2", "payment")
fired = joiner.run(seconds=20, enough=1)
assert fired == ["order-2"], f"complete are {fired} after the crash, and order-2 should be"
print("the joiner crashed and came back; order-2 is complete")

answer = sqs.receive_message(QueueUrl=complete, MaxNumberOfMessages=10, WaitTimeSeconds=1)
results = [message["Body"] for message in answer.get("Messages", [])]
assert sorted(results) == ["order-1", "order-2"], results
names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
left = sqs.get_queue_attributes(QueueUrl=join, AttributeNames=names)["Attributes"]
assert set(left.values()) == {"0"}, f"the join queue still holds {left}"
print(f"completed exactly once each: {sorted(results)}; the join queue is empty")
