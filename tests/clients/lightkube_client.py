"""lightkube: a ServiceAccount with a pull secret, and a pod of it; server-side apply, watches and patches."""

import base64
import json
import os

from lightkube import ApiError, Client
from lightkube.models.core_v1 import Container, LocalObjectReference, PodSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Event, Namespace, Pod, Secret, ServiceAccount
from lightkube.types import PatchType

SPACE = "lightkube"
client = Client(namespace=SPACE, field_manager="lightkube-test")


def named(name: str) -> ObjectMeta:
    return ObjectMeta(name=name, namespace=SPACE)


client.create(Namespace(metadata=ObjectMeta(name=SPACE)))
login = base64.b64encode(f"{os.environ['REGISTRY_USER']}:{os.environ['REGISTRY_PASSWORD']}".encode()).decode()
config = json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": login}}})
client.create(Secret(metadata=named("regcred"), type="kubernetes.io/dockerconfigjson",
                     stringData={".dockerconfigjson": config}))
client.apply(ServiceAccount(apiVersion="v1", kind="ServiceAccount", metadata=named("puller"),
                            imagePullSecrets=[LocalObjectReference(name="regcred")]))
container = Container(name="app1", image=os.environ["IMAGE"])
client.create(Pod(metadata=named("app1"), spec=PodSpec(
    containers=[container], serviceAccountName="puller", terminationGracePeriodSeconds=0)))
pod = client.wait(Pod, "app1", for_conditions=["Ready"])
assert pod.spec.imagePullSecrets[0].name == "regcred"
assert pod.status.containerStatuses[0].imageID
assert any("Running on" in line for line in client.log("app1", follow=True))
reasons = {event.reason for event in client.list(Event, fields={"involvedObject.name": "app1"})}
assert {"Scheduled", "Pulled", "Created", "Started"} <= reasons, reasons

client.create(ConfigMap(metadata=named("c"), data={"a": "1"}))
version = client.get(ConfigMap, "c").metadata.resourceVersion
client.patch(ConfigMap, "c", [{"op": "replace", "path": "/data/b", "value": "2"}], patch_type=PatchType.JSON)
client.patch(ConfigMap, "c", {"data": {"a": None}}, patch_type=PatchType.MERGE)
seen = []
for kind, found in client.watch(ConfigMap, fields={"metadata.name": "c"}, resource_version=version):
    seen.append((kind, found.data))
    if len(seen) == 2:
        break
assert seen == [("MODIFIED", {"a": "1", "b": "2"}), ("MODIFIED", {"b": "2"})], seen
try:
    client.create(ConfigMap(metadata=named("c")))
    raise AssertionError("it is there already")
except ApiError as error:
    assert error.status.reason == "AlreadyExists", error.status
client.delete(Pod, "app1", grace_period=0)
client.delete(Namespace, SPACE)
print("ok")
