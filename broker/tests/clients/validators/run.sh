#!/usr/bin/env bash
# Published validators of SNS messages judge what Posthouse signs: confirmations, notifications and unsubscriptions of
# both signature versions, each as it came and with a changed word.
#
#     broker/tests/clients/validators/run.sh [DIRECTORY]
#
# DIRECTORY takes the packages and stays, for the next run; without it they go to a temporary one. POSTHOUSE names the
# broker's program; without it `cargo build` makes one. Needs: Linux, openssl, python3 with venv, Node.js with npm, a JDK
# of 17 or later with Maven, and root or user namespaces.
#
# Packages are installed first. Everything after that happens in a network namespace of its own, whose hosts file has
# sns.us-east-1.amazonaws.com at 127.0.0.1: nothing leaves the machine, and no port of it is taken.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

if [ "${1:-}" != --in-namespace ]; then
    posthouse=${POSTHOUSE:-}
    if [ -z "$posthouse" ]; then
        (cd "$here" && cargo build --quiet --bin posthouse)
        posthouse=$(cd "$here" && cargo metadata --no-deps --format-version 1 |
            python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/posthouse
    fi
    work=${1:-$(mktemp -d)}
    [ -n "${1:-}" ] || trap 'rm -rf "$work"' EXIT
    mkdir -p "$work"
    work=$(cd "$work" && pwd)

    echo "packages go to $work"
    cp "$here/package.json" "$here/pom.xml" "$work/"
    (cd "$work" && npm install --silent --no-audit --no-fund --no-package-lock)
    python3 -m venv "$work/python"
    "$work/python/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    for sdk in v1 v2; do
        mvn -q -B -f "$work/pom.xml" "-P$sdk" "-Dmaven.repo.local=$work/maven" dependency:copy-dependencies \
            "-DoutputDirectory=$work/java-$sdk"
    done
    if [ "$(id -u)" = 0 ]; then namespace=(unshare --net --mount); else namespace=(unshare --map-root-user --net --mount); fi
    "${namespace[@]}" bash "$here/run.sh" --in-namespace "$work" "$posthouse"
    exit
fi

work=$2 posthouse=$3
cd "$work"
rm -rf run && mkdir run
ip link set lo up
printf '127.0.0.1 localhost sns.us-east-1.amazonaws.com\n' > run/hosts
mount --bind run/hosts /etc/hosts

# An authority of this run, and its certificate for the host.
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=authority of a test" \
    -keyout run/ca.key -out run/ca.pem 2> /dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=sns.us-east-1.amazonaws.com" \
    -keyout run/host.key -out run/host.csr 2> /dev/null
openssl x509 -req -in run/host.csr -CA run/ca.pem -CAkey run/ca.key -days 1 -out run/host.pem \
    -extfile <(echo subjectAltName=DNS:sns.us-east-1.amazonaws.com) 2> /dev/null
keytool -importcert -noprompt -alias ca -file run/ca.pem -storetype PKCS12 -keystore run/trust.p12 \
    -storepass changeit 2> /dev/null

"$posthouse" serve --listen 127.0.0.1:9324 --admin-listen 127.0.0.1:9325 --data-dir run/data \
    --certificate-url https://sns.us-east-1.amazonaws.com 2> run/posthouse.log &
broker=$!
python3 "$here/tls.py" run/host.pem run/host.key &
tls=$!
trap 'kill $broker $tls 2> /dev/null || true; wait $broker $tls 2> /dev/null || true' EXIT
python3 "$here/envelopes.py" run/envelopes

failed=0
judge() {
    echo "== $1"
    shift
    "$@" || failed=1
}
export NODE_PATH=$work/node_modules NODE_EXTRA_CA_CERTS=$work/run/ca.pem REQUESTS_CA_BUNDLE=$work/run/ca.pem
trust=(-Djavax.net.ssl.trustStore=run/trust.p12 -Djavax.net.ssl.trustStorePassword=changeit)
judge "npm sns-validator" node "$here/judge.cjs" sns-validator run/envelopes
judge "npm sns-payload-validator" node "$here/judge.cjs" sns-payload-validator run/envelopes
judge "PyPI aws-sns-message-validator" python/bin/python "$here/judge.py" run/envelopes
judge "Maven com.amazonaws:aws-java-sdk-sns" java "${trust[@]}" -cp "java-v1/*" "$here/JudgeV1.java" run/envelopes
judge "Maven software.amazon.awssdk:sns-message-manager" java "${trust[@]}" -cp "java-v2/*" "$here/JudgeV2.java" run/envelopes
[ "$failed" = 0 ] && echo "every validator judged as expected"
exit "$failed"
