#!/usr/bin/env bash
# Compares SendMessage over HTTP/1.1, durable and with verified signatures, with a hyper server that does the same
# except storing the message (broker/examples/baseline.rs). Runs alternate. Prints each run, the medians and their
# ratio.
#
#     bench/http/compare.sh [ROUNDS [SECONDS [CONNECTIONS]]]
#
# Needs wrk. Talks to loopback only, and ends what it starts.
set -euo pipefail
rounds=${1:-5} seconds=${2:-8} connections=${3:-64}
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release -p posthouse --bin posthouse --example baseline
cargo build --quiet --release -p posthouse-loadtest

scratch=$(mktemp -d "$target/compare.XXXXXX")
processes=()
finish() {
  for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; wait "$process" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap finish EXIT
cat > "$scratch/posthouse.toml" <<TOML
listen = "127.0.0.1:9424"
admin_listen = "127.0.0.1:9425"
data_dir = "$scratch/data"
log = "warn"

[native]
listen = ""

[[users]]
name = "bench"
account = "000000000000"
access_key_id = "bench"
secret_access_key = "secret"
TOML
"$target/release/posthouse" serve --config "$scratch/posthouse.toml" & processes+=($!)
"$target/release/examples/baseline" --listen 127.0.0.1:9430 --access-key bench --secret-key secret & processes+=($!)
until curl --silent --fail --output /dev/null http://127.0.0.1:9425/readyz; do sleep 0.1; done

# A signature is valid for fifteen minutes, so that each round has a new one.
sign() {
  "$target/release/posthouse-loadtest" request --queue compare sqs+http://bench:secret@127.0.0.1:9424 > "$scratch/request"
}
run() {
  SIGNED_REQUEST="$scratch/request" wrk --threads 1 --connections "$connections" --duration "${seconds}s" \
    --script bench/http/send.lua "http://127.0.0.1:$1/" > "$scratch/out"
  if grep --quiet 'Non-2xx' "$scratch/out"; then cat "$scratch/out" >&2; exit 1; fi
  awk '/Requests\/sec/ {print $2}' "$scratch/out"
}
median() { sort -n | awk '{v[NR] = $1} END {print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }

for round in $(seq "$rounds"); do
  sign
  base=$(run 9430)
  ours=$(run 9424)
  echo "round $round: baseline $base/s, posthouse $ours/s, ratio $(awk -v a="$ours" -v b="$base" 'BEGIN {printf "%.3f", a / b}')"
  echo "$base" >> "$scratch/base"
  echo "$ours" >> "$scratch/ours"
done
base=$(median < "$scratch/base") ours=$(median < "$scratch/ours")
echo "median: baseline $base/s, posthouse $ours/s, ratio $(awk -v a="$ours" -v b="$base" 'BEGIN {printf "%.3f", a / b}')"
