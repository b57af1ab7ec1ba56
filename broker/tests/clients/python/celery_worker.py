"""Celery over kombu's SQS transport: a worker executes tasks of a standard and of a FIFO queue, retries one, and
acknowledges each after its execution. kombu receives with pycurl in its own event loop, beside boto3 for everything
else.

This file is the module of the tasks too.
"""

import os
import sys
from urllib.parse import quote, urlsplit

from celery import Celery

from worker import Worker, append, lines, sqs

broker = urlsplit(os.environ["AWS_ENDPOINT_URL"])
keys = ":".join(quote(os.environ[name], safe="") for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
app = Celery("celery_worker", broker=f"sqs://{keys}@{broker.netloc}")
app.conf.update(
    broker_transport_options={
        "region": os.environ["AWS_REGION"],
        "is_secure": False,
        "queue_name_prefix": "celery-",
        "wait_time_seconds": 2,
        "visibility_timeout": 30,
    },
    task_default_queue="tasks",
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
)


@app.task(bind=True, max_retries=2)
def note(self, text):
    """Appends its line. `retry` fails at its first execution."""
    if text == "retry" and self.request.retries == 0:
        raise self.retry(countdown=1)
    append(text)


if __name__ == "__main__":
    sqs.create_queue(QueueName="celery-tasks")
    sqs.create_queue(QueueName="celery-ordered.fifo", Attributes={"FifoQueue": "true"})
    plain = [f"task-{i}" for i in range(10)] + ["retry"]
    ordered = [f"ordered-{i}" for i in range(5)]
    for text in plain:
        note.delay(text)
    for text in ordered:
        note.apply_async([text], queue="ordered.fifo", MessageGroupId="one", MessageDeduplicationId=text)
    options = ["--pool=solo", "--queues=tasks,ordered.fifo", "--without-gossip", "--without-mingle", "--loglevel=INFO"]
    with Worker(sys.executable, "-m", "celery", "--app=celery_worker", "worker", *options) as worker:
        worker.executes(plain + ordered)
        assert [line for line in lines() if line in ordered] == ordered, lines()
        worker.settles("celery-tasks", "celery-ordered.fifo")
