#!/usr/bin/env bash
# Measures the notifications a second to one HTTP endpoint, alone and beside an endpoint that never responds. The two
# alternate, each round with a new broker. The endpoint is down while messages are published, so that they wait for it.
#
#     bench/push/run.sh [ROUNDS [PUBLISH_SECONDS]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rounds=${1:-3}
seconds=${2:-8}
api=127.0.0.1:9424
sink=127.0.0.1:9440
cargo build --release --quiet -p posthouse --bins --examples
cargo build --release --quiet -p posthouse-loadtest
bin=${CARGO_TARGET_DIR:-target}/release
started=()
trap 'for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done' EXIT

# Calls SNS. The broker has no users, so that requests need no signature.
sns() {
    curl -fs --data-urlencode "Action=$1" "${@:2}" "http://$api/" >/dev/null
}

publish() {
    "$bin/posthouse-loadtest" run send "sns+http://$api?queue=none&topic=push" --connections 64 --warm-up 0s \
        --duration "${seconds}s" --quiet
}

# The arguments after the name are the endpoints.
measure() {
    local name=$1
    shift
    local directory
    directory=$(mktemp -d)
    "$bin/posthouse" serve --data-dir "$directory" --listen "$api" --admin-listen 127.0.0.1:9425 --native-listen "" >"$directory/log" 2>&1 &
    local broker=$!
    started+=("$broker")
    until curl -fs http://127.0.0.1:9425/readyz >/dev/null; do sleep 0.05; done
    # The endpoints confirm their subscriptions and end.
    "$bin/examples/sink" --listen "$sink" --seconds 5 >/dev/null &
    started+=("$!")
    sns CreateTopic -d Name=push
    for endpoint in "$@"; do
        sns Subscribe -d TopicArn=arn:aws:sns:us-east-1:000000000000:push -d Protocol=http \
            --data-urlencode "Endpoint=$endpoint" \
            -d Attributes.entry.1.key=RawMessageDelivery -d Attributes.entry.1.value=true
    done
    wait "${started[-1]}"
    publish | awk -v name="$name" '/a second/ && !said++ { print name ", published: " $0 }'
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
    measure alone "http://$sink/"
    measure 'beside one that hangs' "http://$sink/" "http://$sink/hang"
done
