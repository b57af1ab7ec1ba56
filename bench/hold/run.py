#!/usr/bin/env python3
"""Attacks a broker and breaks what it stands on, one attack after the other, and prints what happened as a table.

    bench/hold/run.py NAME=PROGRAM [NAME=PROGRAM] [--only ATTACK,...] [--short] [--list]

With two programs each attack runs on both, so that the table has a column for each: before and after. Only loopback
addresses are used. Needs Python 3.11 or later and nothing else; about 12 GiB of disk are written and removed again.
`--short` makes only those that take some seconds and little disk: a minute in all. Those of a slow disk and of
a wrong clock need `cc`, and that of a full disk needs user namespaces: where a machine has none, the row says so.
"""

import argparse
import pathlib
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import attacks  # noqa: E402
from attacks import damage, frames, insiders, operator, readers, removals, strangers, surroundings, topics  # noqa: E402, F401

#: The attacks of a short run.
SHORT = [
    "clock-of-three-days",
    "damaged-superblock-slot",
    "few-descriptors",
    "form-of-dots",
    "full-disk",
    "leaked-key",
    "no-attack",
    "page-of-a-browser",
    "removed-directory",
    "signatures",
    "two-hosts",
    "slow-disk",
    "zeroed-tail",
]

#: Lines of the log that a row of the table shows.
LINES_SHOWN = 2


def described(outcome):
    """One cell of the table for one program."""
    parts = [f"{outcome.peak_kib / 1024:.0f} MiB"]
    if outcome.worst_ms is not None:
        parts.append(f"worst wait {outcome.worst_ms:,.0f} ms")
    parts.append(outcome.seen)
    said = outcome.said
    if said:
        shown = "; ".join(line[:160] for line in said[:LINES_SHOWN])
        parts.append(f"log ({len(said)} lines): {shown}")
    else:
        parts.append("log: nothing")
    return ". ".join(part for part in parts if part).replace("|", "\\|")


def main():
    """Reads the command line and runs the attacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", metavar="NAME=PROGRAM")
    parser.add_argument("--only", default="", help="attacks, separated by commas")
    parser.add_argument("--short", action="store_true", help="only the attacks that take some seconds")
    parser.add_argument("--list", action="store_true", help="print the attacks and what they do")
    arguments = parser.parse_args()
    if arguments.list:
        for name, function in attacks.ATTACKS.items():
            print(f"{name:28} {function.__doc__.strip()}")
        return
    programs = [program.split("=", 1) for program in arguments.programs]
    if not programs or any(len(program) != 2 for program in programs):
        parser.error("name at least one program, as in new=target/release/posthouse")
    wanted = [name for name in arguments.only.split(",") if name]
    wanted = wanted or (SHORT if arguments.short else list(attacks.ATTACKS))
    unknown = [name for name in wanted if name not in attacks.ATTACKS]
    if unknown:
        parser.error(f"unknown attacks: {', '.join(unknown)}; --list prints them")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    print("| attack or fault | " + " | ".join(name for name, _ in programs) + " |")
    print("|---" * (len(programs) + 1) + "|")
    for name in wanted:
        function = attacks.ATTACKS[name]
        cells = []
        for _, program in programs:
            try:
                cells.append(described(function(str(pathlib.Path(program).resolve()))))
            except Exception as error:  # an attack that could not be made is a row, too
                cells.append(f"not made: {type(error).__name__}: {error}".replace("|", "\\|")[:400])
        print(f"| **{name}**: {' '.join(function.__doc__.split())} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
