"""What the jobs share in which a worker executes tasks in a process of its own.

Tasks append lines to the file RESULTS. The client reads them there.
"""

import os
import subprocess
import time

import boto3

sqs = boto3.client("sqs")


def append(text):
    with open(os.environ["RESULTS"], "a") as results:
        print(text, file=results)


def lines():
    try:
        with open(os.environ["RESULTS"]) as results:
            return results.read().splitlines()
    except FileNotFoundError:
        return []


class Worker:
    """A worker process. It is started in the directory of the jobs, so that it finds the module of the tasks."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, cwd=os.path.dirname(os.path.abspath(__file__)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def executes(self, expected):
        """Waits until the worker has executed these tasks, in any order, and no others."""
        self.await_that(lambda: len(lines()) >= len(expected), f"{len(expected)} tasks to be executed")
        assert sorted(lines()) == sorted(expected), lines()

    def settles(self, *names):
        """Waits until these queues hold no message."""
        for name in names:
            self.await_that(lambda: held(name) == 0, f"each task of {name} to be acknowledged")

    def await_that(self, condition, what):
        end = time.monotonic() + 60
        while not condition():
            assert self.process.poll() is None, f"the worker ended with {self.process.returncode}"
            assert time.monotonic() < end, f"waited for {what}; executed: {lines()}"
            time.sleep(0.2)


def held(name):
    """How many messages a queue holds: waiting, delayed and in flight."""
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    asked = [f"ApproximateNumberOfMessages{which}" for which in ["", "Delayed", "NotVisible"]]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"].values()))
