"""kr8s: a Deployment that needs a pull secret, from its namespace to its end."""

import base64
import json
import os
import urllib.request

import kr8s
from kr8s.objects import Deployment, Namespace, Secret

SPACE = "kr8s"


def pull_secret() -> Secret:
    login = base64.b64encode(f"{os.environ['REGISTRY_USER']}:{os.environ['REGISTRY_PASSWORD']}".encode()).decode()
    config = json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": login}}}).encode()
    return Secret({
        "metadata": {"name": "regcred", "namespace": SPACE},
        "type": "kubernetes.io/dockerconfigjson",
        # Wrapped, as `base64` prints it.
        "data": {".dockerconfigjson": base64.encodebytes(config).decode()},
    })


def deployment() -> Deployment:
    pod = {"imagePullSecrets": [{"name": "regcred"}], "terminationGracePeriodSeconds": 0}
    pod["containers"] = [{"name": "app1", "image": os.environ["IMAGE"]}]
    labels = {"app": "app1"}
    return Deployment({
        "metadata": {"name": "app1", "namespace": SPACE},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": pod}},
    })


api = kr8s.api()
assert api.version()["major"] == "1"
space = Namespace({"metadata": {"name": SPACE}})
space.create()
pull_secret().create()
deploy = deployment()
deploy.create()
deploy.wait("condition=Available", timeout=60)
pods = list(api.get("pods", namespace=SPACE, label_selector={"app": "app1"}))
assert len(pods) == 2, pods
pod = pods[0]
assert pod.exec(["echo", "from kr8s"]).stdout == b"from kr8s\n"
assert pod.exec(["sh", "-c", "exit 3"], check=False).returncode == 3
# It runs before it listens.
assert any("Running on" in line for line in pod.logs(follow=True))
with pod.portforward(5000) as port:
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10).read() == b"Hello, Docker!"
pod.label(tier="web")
assert [found.name for found in api.get("pods", namespace=SPACE, label_selector="tier in (web)")] == [pod.name]
deploy.scale(1)
assert deploy.replicas == 1
deploy.delete()
space.delete()
space.wait("delete", timeout=60)
print("ok")
