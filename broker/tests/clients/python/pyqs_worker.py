"""pyqs: its program executes the tasks of every queue whose name begins with a prefix, and deletes their messages.

This file is the module of the tasks too.
"""

import os
import sys

from pyqs import task

from worker import Worker, append


@task(queue="pyqs-tasks", custom_function_path="pyqs_worker.note")
def note(text):
    append(text)


@task(queue="pyqs-others", custom_function_path="pyqs_worker.twice")
def twice(text, again):
    append(text + again)


if __name__ == "__main__":
    plain = [f"task-{i}" for i in range(12)]
    # `delay` makes a queue after the error that names a queue which is not there.
    for text in plain:
        note.delay(text)
    note.delay("delayed", _delay_seconds=2)
    twice.delay("one", again="two")
    program = os.path.join(os.path.dirname(sys.executable), "pyqs")
    with Worker(program, "pyqs-*", "--loglevel=INFO") as worker:
        worker.executes([*plain, "delayed", "onetwo"])
        worker.settles("pyqs-tasks", "pyqs-others")
