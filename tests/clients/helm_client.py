"""helm's own library: a release that is installed, upgraded, rolled back and taken away."""

import os
import sys

import helm_python as helm

VALUES = {"image": os.environ["IMAGE"], "user": os.environ["REGISTRY_USER"],
          "password": os.environ["REGISTRY_PASSWORD"]}

with helm.Config(kubeconfig_path=os.environ["KUBECONFIG"], namespace="helm") as config:
    config.check_reachable()
    release = config.install(sys.argv[1], "app1", VALUES, create_namespace=True, wait="watcher", timeout=60)
    assert (release["revision"], release["status"]) == (1, "deployed"), release
    release = config.upgrade(sys.argv[1], "app1", {**VALUES, "replicas": 2}, wait="watcher", timeout=60)
    assert release["revision"] == 2, release
    config.rollback("app1", version=1, wait="watcher", timeout=60)
    assert [entry["status"] for entry in config.history("app1")] == ["superseded", "superseded", "deployed"]
    assert [entry["name"] for entry in config.list()] == ["app1"]
    config.uninstall("app1", wait="watcher", timeout=60)
    assert config.list() == []
    try:
        # What it remembers of a release are Secrets.
        raise AssertionError(f"left behind: {config.history('app1')}")
    except helm.HelmError:
        pass
print("ok")
