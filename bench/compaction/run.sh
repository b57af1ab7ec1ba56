#!/usr/bin/env bash
# Many messages go through a broker and one in 10,000 stays: bytes on disk against twice the live ones and 512 MiB, and the
# throughput and latency of sends with compaction at full rate and without:
# bench/compaction/run.sh [MESSAGES [BODY_BYTES [KEPT_ONE_IN]]]. 5,000,000 messages of 100 bytes without arguments.
# DATA is the directory that the data directories are made in.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --locked --bin posthouse --bin posthouse-loadtest
target="${CARGO_TARGET_DIR:-target}/release"
exec python3 bench/compaction/run.py --loadtest "$target/posthouse-loadtest" ${DATA:+--data "$DATA"} \
    --messages "${1:-5000000}" --body "${2:-100}" --one-in "${3:-10000}" "$target/posthouse"
