# registry:2 from the package docker-registry, which is the same program (distribution 2.8).
# Paths and entry point are the hub image's, so that the same REGISTRY_* variables work.
# shellcheck shell=sh disable=SC2154
fetch exactly docker-registry libc6
unpack
ln -s docker-registry "$root/usr/bin/registry"
mkdir -p "$root/var/lib/registry" "$root/etc/docker/registry"
cat >"$root/etc/docker/registry/config.yml" <<'CONFIG'
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
CONFIG
pack
