"""A broker under attack: started on its own data directory and ports, watched, and stopped.

A `Broker` owns one process. Nothing here talks to an address that is not a loopback one.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

USER = ("111122223333", "AKIAHOLD", "hold-secret")
USERS = f"""
[[users]]
name = "shop"
account = "{USER[0]}"
access_key_id = "{USER[1]}"
secret_access_key = "{USER[2]}"
"""


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """A running broker. `top` is TOML without sections, `sections` what follows it.

    With `later` it is not started yet, so that `environment` and `prefix`, the command that runs the program, can be set.
    """

    def __init__(self, program, top="", sections="", data=None, later=False):
        self.program = program
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-hold-"))
        self.data = data or self.home / "data"
        self.port, self.admin = free_port(), free_port()
        self.top, self.sections = top, sections
        self.peak_kib = 0
        self.process = None
        self.watching = None
        self.environment, self.prefix = {}, []
        if not later:
            self.start()

    def start(self):
        """Starts the process, and returns after how many seconds it answered."""
        config = self.home / "posthouse.toml"
        config.write_text(
            f'listen = "127.0.0.1:{self.port}"\nadmin_listen = "127.0.0.1:{self.admin}"\n'
            f'data_dir = "{self.data}"\n{self.top}\n[native]\nlisten = ""\n{self.sections}\n'
        )
        config.chmod(0o600)
        began = time.monotonic()
        with open(self.home / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.program, "serve", "--config", str(config)],
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=os.environ | self.environment,
            )
        self.watching = threading.Thread(target=self._watch, args=(self.process,), daemon=True)
        self.watching.start()
        while time.monotonic() - began < 300:
            if self.process.poll() is not None:
                raise RuntimeError(f"the broker ended at once: {self.log()[-2000:]}")
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return time.monotonic() - began
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the broker did not begin to listen within five minutes")

    def _watch(self, process):
        while process.poll() is None:
            self.peak_kib = max(self.peak_kib, self.memory_kib())
            time.sleep(0.05)

    def memory_kib(self):
        """The resident memory of the process; 0 after its end."""
        try:
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
        except (OSError, AttributeError):
            return 0

    def processor_seconds(self):
        """User and system time that the process has used."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log(self):
        """All that the broker logged, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", (self.home / "log").read_text(errors="replace"))

    def complaints(self):
        """The lines of level WARN and ERROR, without their times, and without the one of each start without users."""
        lines = [line for line in self.log().splitlines() if re.search(r"\b(WARN|ERROR)\b", line)]
        lines = [line for line in lines if "no users are configured" not in line]
        return [re.sub(r"^\S+\s+", "", line.strip()) for line in lines]

    def kill(self):
        """Ends the process with SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Ends the process as an operator does, and with SIGKILL after 30 seconds."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()

    def segments(self):
        """The files of the log, oldest first."""
        return sorted(pathlib.Path(self.data).glob("*.segment"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
