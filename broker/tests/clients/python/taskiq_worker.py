"""taskiq over taskiq-aio-sqs: a worker executes tasks that came in batches, from a standard and a FIFO queue, and
acknowledges them. Its client is aiobotocore.

This file is the module of the tasks too.
"""

import asyncio
import os
import sys

from taskiq_aio_sqs import SQSBroker
from taskiq_aio_sqs.queue import SQSQueue

from worker import Worker, append, lines, sqs

ORDERED = "taskiq-ordered.fifo"
broker = SQSBroker(
    "taskiq-tasks",
    endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    region_name=os.environ["AWS_REGION"],
    aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
    aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    wait_time_seconds=2,
    max_number_of_messages=10,
    enable_batching=True,
    batch_timeout=0.2,
).with_queues(SQSQueue(name=ORDERED, is_fifo=True, wait_time_seconds=2))


# The worker imports this file under its name, and looks the task up by it.
@broker.task(task_name="taskiq_worker:note")
async def note(text: str) -> None:
    append(text)


async def send(plain, ordered):
    await broker.startup()
    await asyncio.gather(*(note.kiq(text) for text in plain))
    for text in ordered:
        await note.kicker().with_labels(queue=ORDERED).kiq(text)
    # taskiq-aio-sqs loses a batch that it gathers while it shuts down. Each batch is sent after 0.2 s.
    await asyncio.sleep(2)
    await broker.shutdown()


if __name__ == "__main__":
    sqs.create_queue(QueueName="taskiq-tasks")
    sqs.create_queue(QueueName=ORDERED, Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})
    plain = [f"task-{i}" for i in range(25)]
    ordered = [f"ordered-{i}" for i in range(5)]
    asyncio.run(send(plain, ordered))
    options = ["--workers=1", "--max-async-tasks=1", "taskiq_worker:broker"]
    with Worker(sys.executable, "-m", "taskiq", "worker", *options) as worker:
        worker.executes(plain + ordered)
        assert [line for line in lines() if line in ordered] == ordered, lines()
        worker.settles("taskiq-tasks", ORDERED)
