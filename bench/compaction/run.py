#!/usr/bin/env python3
"""Messages that go, with a few that stay between them: what they take of the disk, and what compaction costs.

For each way, a broker with a data directory of its own:

* `off`: `storage.compaction_bytes_per_second` is 0.
* `on`: default settings.
* `full`: compaction at 1 GiB a second, with the least slack that can be set, so that it moves all the time. The segments
  that are written and prepared alone are more than this slack, so its aim is not reached.

A load test sends, receives and settles the messages. For every `--one-in` of them a message of the same length goes to a
queue that nothing reads. What is printed: messages a second, the time from the sending of a message to its receipt in
milliseconds, the most bytes on disk while it ran and those a few seconds later, the aim (twice the live bytes, and the slack), files
that were emptied, and bytes that were moved. The last column says whether the directory is below its aim.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "hold"))
from broker import Broker  # noqa: E402
from reports import find  # noqa: E402

MIB = 1024 * 1024
WAYS = {
    "off": (0, 512 * MIB),
    "on": (16 * MIB, 512 * MIB),
    "full": (1024 * MIB, 16 * MIB),
}


def call(broker, action, body):
    """A request of the AWS API. The broker has no users, so that it need not be signed."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{broker.port}/", json.dumps(body).encode(),
        {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{action}"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read() or b"{}")


def metrics(broker):
    """The metrics without labels, by name."""
    with urllib.request.urlopen(f"http://127.0.0.1:{broker.admin}/metrics", timeout=30) as response:
        text = response.read().decode()
    return {name: float(value) for name, value in re.findall(r"^posthouse_(\w+) ([\d.e+-]+)$", text, re.M)} | {
        "live": float(re.search(r'^posthouse_log_bytes\{state="live"\} ([\d.e+-]+)$', text, re.M).group(1))
    }


def on_disk(directory):
    total = 0
    for path in pathlib.Path(directory).iterdir():
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:
            pass  # A file of the log was renamed meanwhile.
    return total


def keep(arguments, broker, data, stop, seen):
    """Sends a message that stays for every so many that were sent, and notes the most bytes on disk."""
    queue = call(broker, "CreateQueue", {"QueueName": "kept"})["QueueUrl"]
    kept = 0
    while not stop.is_set():
        sent = metrics(broker).get("messages_sent_total", 0) - kept
        while kept < sent / arguments.one_in:
            call(broker, "SendMessage", {"QueueUrl": queue, "MessageBody": "x" * arguments.body})
            kept += 1
        seen["most"] = max(seen.get("most", 0), on_disk(data))
        time.sleep(0.05)
    seen["kept"] = kept


def one(arguments, way):
    home = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-compaction-", dir=arguments.data))
    rate, slack = WAYS[way]
    storage = f"[storage]\ncompaction_bytes_per_second = {rate}\ncompaction_slack_bytes = {slack}\n"
    broker = Broker(arguments.program, top='log = "warn"', sections=storage, data=home / "data")
    try:
        stop, seen = threading.Event(), {}
        keeper = threading.Thread(target=keep, args=(arguments, broker, home / "data", stop, seen))
        keeper.start()
        result = home / "result.json"
        began = time.monotonic()
        subprocess.run([
            arguments.loadtest, "run", "cycle", f"sqs+http://127.0.0.1:{broker.port}", "--count",
            str(arguments.messages), "--body", str(arguments.body), "--batch", str(arguments.batch),
            "--connections", str(arguments.connections), "--quiet", "--json", str(result),
        ], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        took = time.monotonic() - began
        stop.set()
        keeper.join()
        time.sleep(arguments.settle)
        counted, end = metrics(broker), on_disk(home / "data")
        aim = 2 * counted["live"] + slack
        times = find(json.loads(result.read_text()), "times")
        return {
            "way": way,
            "messages/s": round(arguments.messages / took),
            "p50 ms": round(times["p50_ns"] / 1e6, 1),
            "p99 ms": round(times["p99_ns"] / 1e6, 1),
            "kept": seen["kept"],
            "most MiB": round(seen["most"] / MIB),
            "end MiB": round(end / MIB),
            "aim MiB": round(aim / MIB),
            "emptied": round(counted.get("compaction_segments_emptied_total", 0)),
            "moved MiB": round(counted.get("compaction_bytes_moved_total", 0) / MIB, 2),
            "below aim": "yes" if max(end, seen["most"]) <= aim else "no",
        }
    finally:
        broker.stop()
        shutil.rmtree(home, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the broker")
    parser.add_argument("--loadtest", required=True, help="the program of the load test")
    parser.add_argument("--messages", type=int, default=5_000_000)
    parser.add_argument("--body", type=int, default=100, help="bytes of a body")
    parser.add_argument("--one-in", type=int, default=10_000, help="one message stays of so many")
    parser.add_argument("--batch", type=int, default=10, help="messages of a call")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--settle", type=float, default=5, help="seconds from the last message to the last look")
    parser.add_argument("--ways", default="off,on,full")
    parser.add_argument("--data", help="where the data directories are made; a file system on a disk, not in memory")
    arguments = parser.parse_args()
    print(f"{arguments.messages:,} messages of {arguments.body} bytes, of each {arguments.one_in:,} one stays", flush=True)
    rows = [one(arguments, way) for way in arguments.ways.split(",")]
    columns = list(rows[0])
    cells = [[str(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in [columns, *cells]) for index in range(len(columns))]
    for line in [columns, *cells]:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths)), flush=True)


if __name__ == "__main__":
    main()
