"""Queue-based load levelling: a burst is taken in at once and handed out no faster than the back end can bear.

The broker's address is in AWS_ENDPOINT_URL. Fails where consumers get more than the rate allows, or not everything.
"""

import threading
import time
import uuid

import boto3

RUN = uuid.uuid4().hex[:8]
RATE, BURST, ORDERS, CONSUMERS = 20, 5, 60, 4
sns, sqs = boto3.client("sns"), boto3.client("sqs")

# Posthouse's own attributes: messages a second for all consumers together, and how many at once after a pause.
limits = {"MaxReceiveRate": str(RATE), "MaxReceiveBurst": str(BURST)}
url = sqs.create_queue(QueueName=f"levelled-{RUN}", Attributes=limits)["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
topic = sns.create_topic(Name=f"orders-{RUN}")["TopicArn"]
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

start = time.monotonic()
for first in range(0, ORDERS, 10):
    entries = [{"Id": str(number), "Message": f"order {number}"} for number in range(first, first + 10)]
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    assert len(answer["Successful"]) == 10, answer
print(f"took in {ORDERS} orders in {time.monotonic() - start:.2f} s; none was refused")

received, lock = [], threading.Lock()


def consume():
    """Takes all that it can get: nothing here holds back but the queue."""
    client, deadline = boto3.Session().client("sqs"), time.monotonic() + 30
    while len(received) < ORDERS and time.monotonic() < deadline:
        answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        with lock:
            for message in answer.get("Messages", []):
                received.append((time.monotonic() - start, message["Body"]))
        for message in answer.get("Messages", []):
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


start = time.monotonic()
consumers = [threading.Thread(target=consume) for _ in range(CONSUMERS)]
for consumer in consumers:
    consumer.start()
for consumer in consumers:
    consumer.join()

orders = sorted(body for _, body in received)
assert orders == sorted(f"order {number}" for number in range(ORDERS)), f"{len(orders)} of {ORDERS}: {orders}"
for count, (seconds, body) in enumerate(received, start=1):
    allowed = BURST + RATE * seconds + 1
    assert count <= allowed, f"{body} was number {count} after {seconds:.2f} s; at most {allowed:.0f} were due"
took = received[-1][0]
print(f"{CONSUMERS} greedy consumers got all {ORDERS} in {took:.1f} s: {(ORDERS - BURST) / took:.0f} a second")
print(f"at no moment had they more than {BURST} and {RATE} a second allow")
