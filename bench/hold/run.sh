#!/usr/bin/env bash
# Attacks the broker of this tree, beside another one if BASE names its program: bench/hold/run.sh [ATTACK,...]
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release --locked --bin posthouse
programs=()
[ -z "${BASE:-}" ] || programs+=("before=$BASE")
programs+=("after=${CARGO_TARGET_DIR:-target}/release/posthouse")
exec python3 bench/hold/run.py "${programs[@]}" ${1:+--only "$1"}
