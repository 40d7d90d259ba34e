# The common part of every stand-in: packages of the host's own Debian release become a root file system.
# Only downloads and unpacks: needs no root, runs none of the packages' scripts, leaves the host's packages alone.
# Prepended to a recipe, which is run as: sh -c RECIPE sh OUT.tar
# shellcheck shell=sh
set -eu
umask 022
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root" "$work/debs/partial" "$work/lists/partial"
: >"$work/status"

# An empty status file makes apt resolve for a machine that has nothing installed.
apt() {
    apt-get -q -y -o Debug::NoLocking=1 -o APT::Sandbox::User=root -o Dir::State::status="$work/status" \
        -o Dir::Cache::archives="$work/debs" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}

# The host's package lists may be missing (container images ship none) or older than the mirror.
with_fresh_lists() {
    "$@" || {
        echo "the host's package lists do not serve; fetching lists of our own" >&2
        apt -o Dir::State::lists="$work/lists" update
        "$@" -o Dir::State::lists="$work/lists"
    }
}

# shellcheck disable=SC2086 # a list
closure() { apt --no-install-recommends --download-only install $packages "$@"; }
# shellcheck disable=SC2086 # a list
exactly() { (cd "$work/debs" && apt download $packages "$@"); }

# fetch closure|exactly PACKAGE…
fetch() {
    how=$1
    shift
    packages=$*
    with_fresh_lists "$how"
}

# unpack all that was fetched but PACKAGE…
unpack() {
    for deb in "$work"/debs/*.deb; do
        name=${deb##*/}
        case " $* " in *" ${name%%_*} "*) continue ;; esac
        dpkg-deb -x "$deb" "$root"
    done
    # Releases with a merged /usr leave these to a package's script.
    for dir in bin sbin lib lib64; do
        [ -e "$root/$dir" ] || [ ! -e "$root/usr/$dir" ] || ln -s "usr/$dir" "$root/$dir"
    done
    mkdir -p "$root/etc" "$root/root" "$root/tmp" "$root/run" "$root/var/tmp"
    [ -e "$root/var/run" ] || ln -s ../run "$root/var/run"
    chmod 1777 "$root/tmp" "$root/var/tmp"
    printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nobody:x:65534:65534:nobody:/nonexistent:/bin/false' >"$root/etc/passwd"
    printf '%s\n' 'root:x:0:' 'nogroup:x:65534:' >"$root/etc/group"
    cd "$root/usr/share" && rm -rf doc man info locale lintian bash-completion bug
    # iconv's tables; neither Go nor Python reads them.
    rm -rf "$root"/usr/lib/*/gconv
}

# Equal packages give equal bytes.
pack() {
    cd /
    tar --sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner -C "$root" -cf "$out" .
}
