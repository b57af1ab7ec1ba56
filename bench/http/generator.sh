#!/usr/bin/env bash
# Compares the CPU time of a request in `posthouse-loadtest` and in `wrk`, against the same server, which responds to
# SendMessage with a constant (broker/examples/baseline.rs). Runs alternate. Prints each run, the medians and their
# ratio. wrk repeats one request that was signed before. The load test signs each request, and the time of a signature,
# as the tool measures it, is printed separately.
#
#     bench/http/generator.sh [ROUNDS [SECONDS [CONNECTIONS]]]
#
# Needs wrk and jq. Talks to loopback only, and ends what it starts.
set -euo pipefail
rounds=${1:-5} seconds=${2:-8} connections=${3:-64}
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release -p posthouse --example baseline
cargo build --quiet --release -p posthouse-loadtest

scratch=$(mktemp -d "$target/generator.XXXXXX")
"$target/release/examples/baseline" --listen 127.0.0.1:9430 --access-key bench --secret-key secret &
server=$!
finish() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT
until (exec 3<>/dev/tcp/127.0.0.1/9430) 2>/dev/null; do sleep 0.1; done

address=sqs+http://bench:secret@127.0.0.1:9430
TIMEFORMAT='%U %S'
# Runs a command with its output in a file, and prints its user and system time in seconds.
cpu() {
  local out=$1
  shift
  { time "$@" > "$out" 2> "$out.err"; } 2>&1 | awk '{print $1 + $2}'
}
median() { sort -n | awk '{v[NR] = $1} END {print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }

for round in $(seq "$rounds"); do
  "$target/release/posthouse-loadtest" request --queue generator "$address" > "$scratch/request"
  used=$(SIGNED_REQUEST="$scratch/request" cpu "$scratch/wrk.out" wrk --threads 1 --connections "$connections" \
    --duration "${seconds}s" --script bench/http/send.lua http://127.0.0.1:9430/)
  if grep --quiet 'Non-2xx' "$scratch/wrk.out"; then cat "$scratch/wrk.out" >&2; exit 1; fi
  wrk=$(awk -v used="$used" '/requests in/ {printf "%.2f", used / $1 * 1e6}' "$scratch/wrk.out")
  "$target/release/posthouse-loadtest" run send "$address" --connections "$connections" --duration "${seconds}s" \
    --no-verify --quiet --json "$scratch/ours.json" > /dev/null
  read -r ours signature < <(jq -r '.runs[0].generator | "\(.cpu_per_call_ns / 1000) \(.signature_ns / 1000)"' "$scratch/ours.json")
  echo "round $round: $(awk -v wrk="$wrk" -v ours="$ours" -v signature="$signature" 'BEGIN {
    rest = ours - signature
    printf "wrk %.2f us a request; load test %.2f us, of which %.2f us signing: %.2f us without, ratio %.2f",
      wrk, ours, signature, rest, rest / wrk }')"
  echo "$wrk" >> "$scratch/wrk"
  awk -v ours="$ours" -v signature="$signature" 'BEGIN {print ours - signature}' >> "$scratch/ours"
done
wrk=$(median < "$scratch/wrk") ours=$(median < "$scratch/ours")
echo "median: wrk $wrk us, load test without signing $ours us, ratio $(awk -v a="$ours" -v b="$wrk" 'BEGIN {printf "%.2f", a / b}')"
