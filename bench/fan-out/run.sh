#!/usr/bin/env bash
# Measures the publications a second to a topic with many queues with raw delivery. Every delivery is durable. Each
# round has a new broker. The queues are not received from.
#
#     bench/fan-out/run.sh [ROUNDS [QUEUES [SECONDS [CONNECTIONS]]]]
#
# Needs curl. Talks to loopback only, and ends what it starts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rounds=${1:-3} queues=${2:-1000} seconds=${3:-4} connections=${4:-64}
api=127.0.0.1:9424
cargo build --release --quiet -p posthouse -p posthouse-loadtest
bin=${CARGO_TARGET_DIR:-target}/release
broker=
trap '[[ -z $broker ]] || kill "$broker" 2>/dev/null || true' EXIT

# Subscribes the queues to the topic over one connection. The broker has no users, so that requests need no signature.
subscribe() {
    local arn=arn:aws:sns:us-east-1:000000000000:fan-out
    printf 'url = "http://%s/"\ndata = "Action=CreateTopic&Name=fan-out"\noutput = "/dev/null"\n' "$api"
    for ((queue = 0; queue < queues; queue++)); do
        printf 'next\nurl = "http://%s/"\ndata = "Action=CreateQueue&QueueName=fan-out-%d"\noutput = "/dev/null"\n' "$api" "$queue"
        printf 'next\nurl = "http://%s/"\ndata = "Action=Subscribe&TopicArn=%s&Protocol=sqs&Endpoint=%s-%d' \
            "$api" "$arn" "${arn/sns/sqs}" "$queue"
        printf '&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true"\noutput = "/dev/null"\n'
    done
}

for ((round = 1; round <= rounds; round++)); do
    directory=$(mktemp -d)
    "$bin/posthouse" serve --data-dir "$directory" --listen "$api" --admin-listen 127.0.0.1:9425 --native-listen "" >"$directory/log" 2>&1 &
    broker=$!
    until curl -fs http://127.0.0.1:9425/readyz >/dev/null; do sleep 0.05; done
    subscribe | curl -fsK -
    "$bin/posthouse-loadtest" run send "sns+http://$api?queue=none&topic=fan-out" --connections "$connections" \
        --warm-up 1s --duration "${seconds}s" --quiet |
        awk -v round="$round" -v queues="$queues" '/messages a second$/ { print "round " round ": " $1 " publications a second to " queues " queues each" }'
    kill "$broker"
    wait "$broker" 2>/dev/null || true
    broker=
    rm -rf "$directory"
done
