"""The attacks and faults, by name. Each is a function of the broker's program that returns an `Outcome`."""

import dataclasses

ATTACKS = {}


@dataclasses.dataclass
class Outcome:
    """What one attack did."""

    peak_kib: int = 0
    #: The longest wait of another client, in milliseconds; `None` where no other client ran.
    worst_ms: float | None = None
    #: What was seen, as one phrase: what was lost, refused or answered.
    seen: str = ""
    #: What the log said: lines of level WARN and ERROR.
    said: list = dataclasses.field(default_factory=list)


def attack(function):
    """Registers an attack under its function's name, with its docstring as the description."""
    ATTACKS[function.__name__.replace("_", "-")] = function
    return function


def outcome(broker, other=None, seen=""):
    """The outcome of an attack on a broker that still runs."""
    return Outcome(broker.peak_kib, other.worst() if other else None, seen, broker.complaints())
