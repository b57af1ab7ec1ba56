#!/usr/bin/env bash
# Fills queues, kills the broker, starts it again and drains them from the disk, beside a drain from memory:
# bench/backlog/run.sh [MESSAGES [QUEUES [BODY_BYTES]]]. 1,000,000 messages in ten queues of 100 bytes without arguments.
# DATA is the directory that the data directories are made in; BASE is another broker's program to do the same with.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --locked --bin posthouse --bin posthouse-loadtest
target="${CARGO_TARGET_DIR:-target}/release"
programs=()
[ -z "${BASE:-}" ] || programs+=("before=$BASE")
programs+=("after=$target/posthouse")
exec python3 bench/backlog/run.py --loadtest "$target/posthouse-loadtest" ${DATA:+--data "$DATA"} \
    --messages "${1:-1000000}" --queues "${2:-10}" --body "${3:-100}" "${programs[@]}"
