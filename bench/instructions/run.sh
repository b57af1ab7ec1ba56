#!/usr/bin/env bash
# Counts the instructions that the broker executes for each message in its own code, libraries included and the kernel
# not, under valgrind's callgrind. Unlike times they hardly depend on what else the machine does: single runs differ by
# up to 5%, because the core loop takes other numbers of requests at once.
#
#     bench/instructions/run.sh [POSTHOUSE [LOADTEST]]
#
# Without arguments both are built as releases. A POSTHOUSE of another version must be built with
# `--features rustix/use-libc-auxv`, too: rustix otherwise reads the auxiliary vector of valgrind itself, and crashes.
# The broker has no users, so that signatures are not verified: valgrind has no SHA instructions, and SHA-256 in software
# would be a third of what a request counts.
#
# Needs valgrind and curl. Talks to loopback only, and ends what it starts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin=${CARGO_TARGET_DIR:-target}/release
if (($# < 2)); then
    cargo build --release --quiet -p posthouse --bin posthouse --features rustix/use-libc-auxv
    cargo build --release --quiet -p posthouse-loadtest
fi
posthouse=$(realpath "${1:-$bin/posthouse}")
loadtest=$(realpath "${2:-$bin/posthouse-loadtest}")
# Long enough for the broker to generate the key of notifications, which would be counted.
settle_seconds=15
api=127.0.0.1:9424 admin=127.0.0.1:9425 native=127.0.0.1:9426
scratch=$(mktemp -d)
broker=
finish() {
    [[ -z $broker ]] || kill "$broker" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

# NAME MESSAGES TARGET WORK [OPTION…]: one row.
measure() {
    local name=$1 messages=$2 target=$3 work=$4
    shift 4
    local directory
    directory=$(mktemp -d -p "$scratch")
    # valgrind knows no I/O rings.
    valgrind --quiet --tool=callgrind --callgrind-out-file="$directory/profile" "$posthouse" serve --disk threads \
        --data-dir "$directory/data" --listen "$api" --admin-listen "$admin" --native-listen "$native" \
        >"$directory/log" 2>&1 &
    broker=$!
    until curl -fs "http://$admin/readyz" >/dev/null; do sleep 0.5; done
    sleep "$settle_seconds"
    callgrind_control --zero "$broker" >/dev/null 2>&1
    "$loadtest" run "$work" "$target" --count "$messages" --warm-up 0s --quiet "$@" >"$directory/run"
    callgrind_control --dump "$broker" >/dev/null 2>&1
    until [[ -s $directory/profile.1 ]]; do sleep 0.2; done
    kill "$broker"
    wait "$broker" || true
    broker=
    awk -v name="$name" -v messages="$messages" \
        '/^totals:/ { printf "%-52s %7d instructions a message\n", name, $2 / messages }' "$directory/profile.1"
}

measure "native send, one message a call" 4000 "posthouse://$native" send --no-verify --keep
measure "native cycle, one message a call" 4000 "posthouse://$native" cycle
measure "native cycle, batches of 256, pipelined" 60000 "posthouse://$native?pipeline=16" cycle --batch 256
measure "HTTP send, one message a call" 4000 "sqs+http://$api" send --no-verify --keep
measure "HTTP cycle, one message a call" 3000 "sqs+http://$api" cycle
