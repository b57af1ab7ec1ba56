#!/usr/bin/env bash
# How many notifications a second go to one HTTP endpoint, alone and beside one that never answers: rounds in turn, each
# with a fresh broker. The endpoint is down while messages are published, so that they wait when it comes up.
#
#     bench/push/run.sh [ROUNDS [PUBLISH_SECONDS]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rounds=${1:-3}
seconds=${2:-8}
api=127.0.0.1:9424
sink=127.0.0.1:9440
cargo build --release --quiet -p posthouse --bins --examples
bin=${CARGO_TARGET_DIR:-target}/release
started=()
trap 'for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done' EXIT

measure() {
    local name=$1
    shift
    local directory
    directory=$(mktemp -d)
    "$bin/posthouse" serve --data-dir "$directory" --listen "$api" --admin-listen 127.0.0.1:9425 >"$directory/log" 2>&1 &
    local broker=$!
    started+=("$broker")
    until curl -fs http://127.0.0.1:9425/readyz >/dev/null; do sleep 0.05; done
    # The endpoints confirm, and go away.
    "$bin/examples/sink" --listen "$sink" --seconds 5 >/dev/null &
    started+=("$!")
    "$bin/examples/drive" publish --address "$api" --subscribers 0 --seconds 1 --connections 1 "$@" >/dev/null
    wait "${started[-1]}"
    "$bin/examples/drive" publish --address "$api" --subscribers 0 --seconds "$seconds" "$@" | sed "s/^/$name, published: /"
    "$bin/examples/sink" --listen "$sink" --seconds 40 >"$directory/sink" &
    started+=("$!")
    wait "${started[-1]}"
    # The seconds in which the endpoint was busy, without the first and the last of them.
    awk -F'[ ,:]+' '$4 > 100 { print $4 }' "$directory/sink" | sed '1d;$d' | sort -n |
        awk -v name="$name" '{ rate[NR] = $1 } END { print name ", notifications a second: median " rate[int((NR + 1) / 2)] ", most " rate[NR] ", seconds " NR }'
    kill "$broker"
    wait "$broker" 2>/dev/null || true
    rm -rf "$directory"
}

for ((round = 1; round <= rounds; round++)); do
    measure alone --endpoint "http://$sink/"
    measure 'beside one that hangs' --endpoint "http://$sink/" --endpoint "http://$sink/hang"
done
