# python:3.9-slim from the release's own python3 and pip; busybox gives the shell and its tools.
# shellcheck shell=sh disable=SC2154
fetch closure python3 python3-pip busybox-static
unpack dpkg tar debconf openssl ca-certificates readline-common
for busybox in "$root/bin/busybox" "$root/usr/bin/busybox"; do [ -x "$busybox" ] && break; done
for tool in $("$busybox" --list); do
    [ -e "$root/bin/$tool" ] || [ -e "$root/usr/bin/$tool" ] || ln -s "${busybox#"$root"}" "$root/bin/$tool"
done
[ -e "$root/usr/bin/python" ] || ln -s python3 "$root/usr/bin/python"
# In an image of its own, pip is the one that installs packages.
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
mkdir -p "$root/etc/ssl/certs"
pack
