#!/usr/bin/env python3
"""Backlogs, filled and drained: how fast, in how much memory, and how soon after a kill.

For each program, three brokers with a data directory of their own:

* `warm`: the queues are filled and drained with all messages in memory (`storage.tail_bytes` is larger than the backlog).
* `cold`: the queues are filled, the broker is killed with SIGKILL and started again with default settings, and the queues
  are drained from the disk. With `--drop-caches` and as root, what the kernel has cached is dropped before.

Each queue has a load test of its own, which accounts for every message. All of them fill, wait for each other, and drain.
What is printed: messages a second of filling and of draining, the highest resident memory of the broker while it filled,
at the restart and while it drained, the time from the start of the killed broker to its first answer, and the size of the
data directory.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "hold"))
from broker import Broker, USERS, USER  # noqa: E402
from reports import find  # noqa: E402

MIB = 1024 * 1024


class Phase:
    """The highest resident memory of a broker from one moment on."""

    def __init__(self, broker):
        self.broker = broker
        broker.peak_kib = 0

    def mib(self):
        return round(max(self.broker.peak_kib, self.broker.memory_kib()) / 1024)


def loads(arguments, broker, home, restart):
    """Starts a load test for each queue. Each fills its queue, says so, and drains it once it may."""
    running = []
    share = max(1, arguments.messages // arguments.queues)
    for queue in range(arguments.queues):
        filled, go = home / f"filled-{queue}", home / "go"
        between = f"touch {filled}; while [ ! -e {go} ]; do sleep 0.05; done"
        target = f"{arguments.scheme}://{USER[1]}:{USER[2]}@127.0.0.1:{restart}"
        command = [
            arguments.loadtest, "run", "backlog", target, "--count", str(share), "--body", str(arguments.body),
            "--batch", str(arguments.batch), "--connections", str(arguments.connections), "--between", between,
            "--timeout", "120s", "--drain", "60s", "--visibility-timeout", "600s", "--quiet",
            "--json", str(home / f"result-{queue}.json"),
        ]  # fmt: skip
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=open(home / f"load-{queue}", "wb")))
    return running


def await_filled(arguments, home, running):
    """Waits until all queues are filled."""
    while not all((home / f"filled-{queue}").exists() for queue in range(arguments.queues)):
        for queue, load in enumerate(running):
            if load.poll() is not None:
                raise RuntimeError(f"a load test ended: {(home / f'load-{queue}').read_text()[-2000:]}")
        time.sleep(0.05)


def size_mib(directory):
    files = (path for path in pathlib.Path(directory).rglob("*") if path.is_file())
    return round(sum(path.stat().st_blocks * 512 for path in files) / MIB)


def results(arguments, home):
    """Messages that were settled, and that were lost, of all load tests."""
    received, lost = 0, 0
    for queue in range(arguments.queues):
        run = json.loads((home / f"result-{queue}.json").read_text())
        account = find(run, "account")
        received += account["received"]
        lost += account["lost"]
    return received, lost


def one(arguments, program, way):
    """One fill and one drain of a broker."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-backlog-", dir=arguments.data))
    tail = arguments.messages * (arguments.body + 400) + 64 * MIB
    top = 'log = "warn"'
    storage = f"[storage]\ntail_bytes = {tail}\n" if way == "warm" else ""
    broker = Broker(program, top=top, sections=storage + USERS, data=home / "data")
    try:
        filling, began = Phase(broker), time.monotonic()
        running = loads(arguments, broker, home, broker.port)
        await_filled(arguments, home, running)
        row = {"way": way, "fill/s": round(arguments.messages / (time.monotonic() - began)), "fill MiB": filling.mib()}
        row["disk MiB"] = size_mib(home / "data")
        if way == "cold":
            broker.kill()
            if arguments.drop_caches:
                subprocess.run(["sh", "-c", "sync; echo 3 > /proc/sys/vm/drop_caches"], check=True)
            starting = Phase(broker)
            row["start s"] = round(broker.start(), 2)
            row["start MiB"] = starting.mib()
        draining, began = Phase(broker), time.monotonic()
        (home / "go").touch()
        # The last messages of a queue are counted once its load test says so.
        codes = [load.wait() for load in running]
        took = time.monotonic() - began
        received, lost = results(arguments, home)
        row["drain/s"] = round(received / took)
        row["drain MiB"] = draining.mib()
        row["lost"] = lost
        row["failed"] = sum(code != 0 for code in codes)
        return row
    finally:
        broker.stop()
        shutil.rmtree(home, ignore_errors=True)


def table(rows):
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[f"{row.get(column, '-'):,}" if isinstance(row.get(column), int) else str(row.get(column, "-"))
              for column in columns] for row in rows]  # fmt: skip
    widths = [max(len(line[index]) for line in [columns, *cells]) for index in range(len(columns))]
    for line in [columns, *cells]:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths)), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="+", metavar="NAME=PROGRAM", help="the brokers")
    parser.add_argument("--loadtest", required=True, help="the program of the load test")
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages of all queues together")
    parser.add_argument("--queues", type=int, default=10)
    parser.add_argument("--body", type=int, default=100, help="bytes of a body")
    parser.add_argument("--batch", type=int, default=10, help="messages of a call")
    parser.add_argument("--connections", type=int, default=4, help="connections of each queue")
    parser.add_argument("--scheme", default="sqs+http")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--ways", default="warm,cold")
    parser.add_argument("--data", help="where the data directories are made; a file system on a disk, not in memory")
    parser.add_argument("--drop-caches", action="store_true", help="drop what the kernel has cached before the restart")
    arguments = parser.parse_args()
    print(f"{arguments.messages:,} messages of {arguments.body} bytes in {arguments.queues} queues", flush=True)
    rows = []
    for _ in range(arguments.rounds):
        for named in arguments.programs:
            name, program = named.split("=", 1)
            for way in arguments.ways.split(","):
                rows.append({"broker": name, **one(arguments, program, way)})
    table(rows)
    return 1 if any(row["lost"] or row["failed"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
