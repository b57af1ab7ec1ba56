"""dramatiq_sqs: a worker executes messages, one of them delayed and one after a failure, and acknowledges them. One that
fails each time goes to the dead-letter queue, to which dramatiq sends it itself."""

import threading
import time

import boto3
import dramatiq
from dramatiq.middleware import Retries
from dramatiq_sqs import SQSBroker

TAGS = {"made-by": "dramatiq"}
middleware = [Retries(min_backoff=500, max_backoff=1000, max_retries=2)]
broker = SQSBroker(namespace="dramatiq", middleware=middleware, dead_letter=True, visibility_timeout=30, tags=TAGS)
dramatiq.set_broker(broker)
lock, done, executions = threading.Lock(), [], {}


@dramatiq.actor(queue_name="tasks")
def note(text):
    with lock:
        executions[text] = executions.get(text, 0) + 1
        if text == "fails" or (text == "retry" and executions[text] == 1):
            raise ValueError(text)
        done.append(text)


expected = [f"task-{i}" for i in range(20)] + ["retry", "delayed"]
for text in expected[:-1]:
    note.send(text)
note.send_with_options(args=("delayed",), delay=2000)
note.send("fails")
worker = dramatiq.Worker(broker, worker_threads=4, worker_timeout=1000)
worker.start()
try:
    end = time.monotonic() + 60
    while len(done) < len(expected):
        assert time.monotonic() < end, f"done: {done}, executions: {executions}"
        time.sleep(0.2)
    assert sorted(done) == sorted(expected), done
    broker.join("tasks", timeout=30)
finally:
    worker.stop()

sqs = boto3.client("sqs")
dead = sqs.get_queue_url(QueueName="dramatiq_tasks_dlq")["QueueUrl"]
messages = sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
assert len(messages) == 1 and executions["fails"] == 3, (messages, executions)
assert sqs.list_queue_tags(QueueUrl=dead)["Tags"] == TAGS
