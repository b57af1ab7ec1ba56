#!/usr/bin/env bash
# Runs client programs as judges against a fresh broker: SDKs of several languages and ages, the AWS CLI, and workers
# that build on SDKs. Each program is installed from its registry, does a small job and checks the result itself.
#
#     broker/tests/clients/run.sh [NAME...]
#     broker/tests/clients/run.sh list
#
# Prints one line for each program: passed, failed with the end of its output, or not available with the reason. Fails if
# a program failed. A program is not available where its language is missing or its packages cannot be installed.
#
# Environment:
#   POSTHOUSE         the broker's binary; by default the debug build, which is then made first
#   CLIENTS           where packages and logs are kept; by default `target/clients`. A later run uses them again.
#   PATIENCE_SECONDS  how long each job may take; 300 by default
#
# The broker listens on free loopback ports, verifies signatures, and ends with the script.
set -euo pipefail

names=(
  boto3 boto2 extended-client aws-cli-v1 aws-cli-v2 celery dramatiq taskiq pyqs
  go-v1 go-v2 javascript-v2 javascript-v3 sqs-producer squiss java-v2 java-jms java-spring
)

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
build=${CARGO_TARGET_DIR:-$root/target}
home=${CLIENTS:-$build/clients}
patience=${PATIENCE_SECONDS:-300}

fail() {
  echo "run.sh: $*" >&2
  exit 1
}

# Installing. Each function installs into a directory below `home`, and does nothing if that was done before. It prints
# why it cannot.

# installed DIR WANTED: whether DIR was made from this list of packages. If not, it is emptied.
installed() {
  [[ -e $1/installed && $(< "$1/installed") == "$2" ]] && return
  rm -rf "$1"
  mkdir -p "$1"
  return 1
}

# needs PROGRAM...
needs() {
  local program
  for program in "$@"; do
    command -v "$program" > /dev/null || { echo "there is no $program on this machine"; return 1; }
  done
}

# pypi DIR PYTHON PACKAGE...: a virtual environment.
pypi() {
  local into=$home/$1 python=$2 wanted=$*
  shift 2
  installed "$into" "$wanted" && return
  "$python" -m venv "$into" && "$into/bin/pip" install --quiet --disable-pip-version-check "$@" || return
  echo "$wanted" > "$into/installed"
}

# The first Python that boto 2 runs on: it relies on an interface of importlib that Python 3.12 removed.
old_python() {
  local python
  for python in python3 python3.11 python3.10 python3.9 python3.8; do
    "$python" -c 'import sys, venv; sys.exit(sys.version_info >= (3, 12))' 2> /dev/null && { echo "$python"; return; }
  done
  return 1
}

install_boto2() {
  local python
  python=$(old_python) || { echo 'boto 2 needs Python 3.11 or older'; return 1; }
  pypi boto2 "$python" boto==2.49.0
}

# Version 2 of the AWS CLI is on no registry by itself. AWS's package for CDK holds its official build for Linux.
install_aws_cli_v2() {
  local into=$home/aws-cli-v2 package=aws-cdk-asset-awscli-v2==2.0.198
  needs python3 tar || return
  installed "$into" "$package" && return
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest "$into/wheel" "$package" \
    && python3 -m zipfile -e "$into"/wheel/*.whl "$into/package" \
    && tar --extract --gzip --file "$into"/package/aws_cdk/asset_awscli_v2/_jsii/*.tgz --directory "$into" package/lib \
    && python3 -m zipfile -e "$into/package/lib/layer.zip" "$into" || return
  rm -r "$into/wheel" "$into/package"
  chmod +x "$into"/awscli/v2/*/dist/aws
  "$into"/awscli/v2/*/dist/aws --version > /dev/null || return
  echo "$package" > "$into/installed"
}

# golang VERSION: builds the job.
golang() {
  local into=$home/go-$1
  needs go || return
  mkdir -p "$into"
  cp "$here/go/$1"/* "$into"
  (cd "$into" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -o job .)
}

# The jobs are copied beside the packages, because Node.js looks for a package from where the importing file lies.
npm_packages() {
  local into=$home/javascript wanted
  needs node npm || return
  wanted=$(< "$here/javascript/package.json")
  if ! installed "$into" "$wanted"; then
    cp "$here/javascript/package.json" "$into"
    npm --prefix "$into" install --ignore-scripts --no-audit --no-fund --loglevel=error || return
    echo "$wanted" > "$into/installed"
  fi
  cp "$here"/javascript/*.mjs "$into"
}

# maven PROFILE CLASS: fetches the packages of the profile and compiles the class.
maven() {
  local into=$home/java-$1 wanted
  needs java javac mvn || return
  wanted=$(< "$here/java/pom.xml")
  if ! installed "$into" "$wanted"; then
    mvn --quiet --batch-mode --file "$here/java/pom.xml" --activate-profiles "$1" -Dmaven.repo.local="$home/maven" \
      dependency:copy-dependencies -DoutputDirectory="$into/jars" || return
    echo "$wanted" > "$into/installed"
  fi
  javac -d "$into/classes" -cp "$into/jars/*" "$here/java/$2.java"
}

install() {
  case $1 in
    boto3) pypi boto3 python3 boto3==1.44.5 ;;
    boto2) install_boto2 ;;
    extended-client) pypi extended-client python3 amazon-sqs-extended-client==1.0.1 boto3==1.44.5 ;;
    aws-cli-v1) pypi aws-cli-v1 python3 awscli==1.46.2 ;;
    aws-cli-v2) install_aws_cli_v2 ;;
    celery) pypi celery python3 'celery[sqs]==5.7.0' kombu==5.7.0 boto3==1.44.5 ;;
    dramatiq) pypi dramatiq python3 dramatiq==2.2.1 dramatiq-sqs==0.4.4 boto3==1.44.5 ;;
    taskiq) pypi taskiq python3 taskiq==0.13.0 taskiq-aio-sqs==2.1.1 aiobotocore==3.10.0 boto3 ;;
    pyqs) pypi pyqs python3 pyqs==1.0.1 boto3==1.44.5 ;;
    go-v1) golang v1 ;;
    go-v2) golang v2 ;;
    javascript-v2 | javascript-v3 | sqs-producer | squiss) npm_packages ;;
    java-v2) maven sdk Sdk ;;
    java-jms) maven jms Jms ;;
    java-spring) maven spring Spring ;;
  esac
}

# Sets `job` to the command that runs the job of a program.
find_job() {
  case $1 in
    boto3 | boto2) job=("$home/$1/bin/python" "$here/python/$1_client.py") ;;
    extended-client) job=("$home/$1/bin/python" "$here/python/extended_client.py") ;;
    celery | dramatiq | taskiq | pyqs) job=("$home/$1/bin/python" "$here/python/$1_worker.py") ;;
    aws-cli-v1) job=(env "AWS=$home/$1/bin/aws" "$here/cli/aws.sh" "$1") ;;
    aws-cli-v2) job=(env "AWS=$(echo "$home/$1"/awscli/v2/*/dist/aws)" "$here/cli/aws.sh" "$1") ;;
    go-v1 | go-v2) job=("$home/$1/job") ;;
    javascript-v2) job=(node "$home/javascript/sdk-v2.mjs") ;;
    javascript-v3) job=(node "$home/javascript/sdk-v3.mjs") ;;
    sqs-producer | squiss) job=(node "$home/javascript/$1.mjs") ;;
    java-v2) job=(java -cp "$home/java-sdk/jars/*:$home/java-sdk/classes" Sdk) ;;
    java-jms) job=(java -cp "$home/java-jms/jars/*:$home/java-jms/classes" Jms) ;;
    java-spring) job=(java -cp "$home/java-spring/jars/*:$home/java-spring/classes" Spring) ;;
  esac
}

# The broker

start_broker() {
  cat > "$scratch/posthouse.toml" <<TOML
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
data_dir = "$scratch/data"

[native]
listen = ""

[[users]]
name = "clients"
account = "123456789012"
access_key_id = "AKIACLIENTS"
secret_access_key = "secret/of+clients"
TOML
  "$posthouse" serve --config "$scratch/posthouse.toml" > "$logs/posthouse.log" 2>&1 &
  broker=$!
  local tries
  for ((tries = 0; tries < 300; tries++)); do
    address=$(sed -n 's/.* ready api=\([0-9.:]*\).*/\1/p' "$logs/posthouse.log")
    [[ -z $address ]] || return 0
    kill -0 "$broker" 2> /dev/null || break
    sleep 0.1
  done
  cat "$logs/posthouse.log" >&2
  fail 'the broker did not become ready'
}

finish() {
  local process
  for process in $running $broker; do kill "$process" 2> /dev/null || true; wait "$process" 2> /dev/null || true; done
  rm -rf "$scratch"
}

# The environment of the jobs: the broker, and nothing of this machine's own configuration for AWS.
set_environment() {
  export AWS_ENDPOINT_URL="http://$address" AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1
  export AWS_ACCESS_KEY_ID=AKIACLIENTS AWS_SECRET_ACCESS_KEY=secret/of+clients
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true AWS_PAGER=
  unset AWS_SESSION_TOKEN AWS_PROFILE BOTO_CONFIG
  export PYTHONDONTWRITEBYTECODE=1 NODE_NO_WARNINGS=1 AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE=1
}

# judge NAME: installs a program, runs its job and prints the line.
judge() {
  local name=$1 log=$logs/$1.log started=$SECONDS
  if ! install "$name" > "$log" 2>&1; then
    printf 'not available  %-16s %s\n' "$name" "$(grep -v '^ *$' "$log" | tail -n 1)"
    missing=$((missing + 1))
    return
  fi
  find_job "$name"
  RESULTS=$scratch/$name.results timeout --kill-after=10 "$patience" "${job[@]}" > "$log" 2>&1 < /dev/null &
  running=$!
  if wait "$running"; then
    printf 'passed         %-16s %d s\n' "$name" $((SECONDS - started))
    passed=$((passed + 1))
  else
    printf 'failed         %-16s see %s\n' "$name" "$log"
    tail -n 20 "$log" | sed 's/^/    /'
    failed=$((failed + 1))
  fi
  running=
}

if [[ ${1:-} == list ]]; then
  printf '%s\n' "${names[@]}"
  exit
fi
[[ $# -gt 0 ]] || set -- "${names[@]}"
for name in "$@"; do
  [[ " ${names[*]} " == *" $name "* ]] || fail "there is no program $name; 'run.sh list' prints the names"
done
posthouse=${POSTHOUSE:-$build/debug/posthouse}
[[ -n ${POSTHOUSE:-} ]] || cargo build --quiet --manifest-path "$root/Cargo.toml" --package posthouse --bin posthouse
logs=$home/logs
mkdir -p "$logs"
home=$(cd "$home" && pwd) logs=$home/logs
scratch=$(mktemp -d)
running='' broker='' address='' passed=0 failed=0 missing=0
trap finish EXIT
trap 'exit 130' INT TERM
start_broker
set_environment
for name in "$@"; do judge "$name"; done
kill -0 "$broker" || fail "the broker ended; see $logs/posthouse.log"
echo "$passed passed, $failed failed, $missing not available"
((failed == 0))
