"""What a broker stands on goes wrong: a slow disk, a full one, no descriptors left, a clock that jumps."""

import pathlib
import resource
import socket
import subprocess
import time

from attacks import attack, outcome
from attacks.operator import large_senders
from broker import Broker
from client import Client, Other, probe

HERE = pathlib.Path(__file__).parent.parent
#: Shifts the clock of one process; the outside tests use it too.
SHIFTED = HERE.parent.parent / "broker/tests/outside/clock/shifted.c"
RATE = 10 * 1024 * 1024


def preloaded(source, home):
    """Compiles a library that the dynamic linker loads before all others. Needs `cc`."""
    library = pathlib.Path(home) / (source.stem + ".so")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
    return str(library)


@attack
def slow_disk(program):
    """A disk that writes 10 MiB a second (a preloaded library holds the writes up), and 32 clients that send 1 MB each for ten seconds."""
    with Broker(program, top='disk = "threads"', later=True) as broker:
        broker.environment = {
            "LD_PRELOAD": preloaded(HERE / "preloaded/slow.c", broker.home),
            "HOLD_BYTES_PER_SECOND": str(RATE),
        }
        broker.start()
        return large_senders(broker, 32, lambda waits: f"median {waits[len(waits) // 2] * 1000:.0f}")


@attack
def full_disk(program):
    """A disk of 96 MiB fills up, and consumers make room again. It is a tmpfs in a mount namespace, which some machines refuse."""
    with Broker(program, sections="[storage]\nsegment_bytes = 8388608\ncheckpoint_bytes = 1048576", later=True) as broker:
        broker.data.mkdir()
        mount = f'mount -t tmpfs -o size=96m tmpfs "{broker.data}" && exec "$@"'
        broker.prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
        broker.start()
        client = Client(broker.port)
        url = client.queue("queue", MaximumMessageSize="1048576")
        taken, last = 0, (200, {})
        while taken < 200:
            last = client.call("SendMessage", QueueUrl=url, MessageBody="x" * 1_000_000)
            if last[0] != 200:
                break
            taken += 1
        ready, _ = probe(broker.admin, "/readyz")
        received = 0
        while True:
            _, answer = client.call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
            messages = answer.get("Messages", [])
            if not messages:
                break
            received += len(messages)
            for message in messages:
                client.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        deadline, again = time.monotonic() + 15, 0
        while again != 200 and time.monotonic() < deadline:
            again, _ = client.call("SendMessage", QueueUrl=url, MessageBody="small")
            time.sleep(0.2)
        text = last[1].get("message", "") or last[1].get("Message", "")
        seen = (
            f"{taken} sends taken, then {last[0]} {text[:60]!r}, readyz {ready}; "
            f"{received} of {taken} received and deleted, then a send is answered {again}"
        )
        return outcome(broker, None, seen)


@attack
def few_descriptors(program):
    """The system allows the broker 512 files, and 1,000 clients connect and stay."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Broker(program, later=True) as broker:
        broker.prefix = ["sh", "-c", 'ulimit -n 512 && exec "$@"', "sh"]
        broker.start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        idle = []
        with Other(broker.port) as other:
            for _ in range(1_000):
                try:
                    idle.append(socket.create_connection(("127.0.0.1", broker.port), timeout=2))
                except OSError:
                    break
            client = Client(broker.port, timeout=10)
            url = client.queue("queue", MaximumMessageSize="1048576")
            statuses = [client.call("SendMessage", QueueUrl=url, MessageBody="x" * 1_000_000)[0] for _ in range(100)]
            ready, _ = probe(broker.admin, "/readyz")
            seen = f"{statuses.count(200)} of 100 sends of 1 MB taken meanwhile, readyz {ready}"
            result = outcome(broker, other, seen)
        for one in idle:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return result


@attack
def clock_of_three_days(program):
    """The system's clock jumps by three days for half a second (a preloaded library shifts it) while a message is in flight for five seconds."""
    with Broker(program, later=True) as broker:
        shift = broker.home / "shift"
        shift.write_bytes((0).to_bytes(8, "little", signed=True))
        broker.environment = {"LD_PRELOAD": preloaded(SHIFTED, broker.home), "POSTHOUSE_TEST_CLOCK": str(shift)}
        broker.start()

        def set_ahead(seconds):
            # In place: the broker has mapped the file.
            with open(shift, "r+b") as file:
                file.write(seconds.to_bytes(8, "little", signed=True))

        client = Client(broker.port)
        url = client.queue("queue", VisibilityTimeout="5")
        kept = client.queue("kept", MessageRetentionPeriod="86400")
        client.call("SendMessage", QueueUrl=kept, MessageBody="kept")
        client.call("SendMessage", QueueUrl=url, MessageBody="before")
        client.call("SendMessage", QueueUrl=url, MessageBody="within")
        client.call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=1)
        set_ahead(3 * 86_400)
        client.call("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=1)
        client.call("ReceiveMessage", QueueUrl=kept, VisibilityTimeout=0)
        time.sleep(0.5)
        set_ahead(0)
        began, back = time.monotonic(), 0
        while back < 2 and time.monotonic() - began < 15:
            _, answer = client.call("ReceiveMessage", QueueUrl=url, WaitTimeSeconds=1, VisibilityTimeout=100)
            back += len(answer.get("Messages", []))
        _, answer = client.call("ReceiveMessage", QueueUrl=kept)
        seen = f"{back} of 2 visible again after {time.monotonic() - began:.0f} s, {len(answer.get('Messages', []))} of 1 kept"
        return outcome(broker, None, seen)
