kubectl get secret

kubectl create secret docker-registry regcred --docker-server=https://index.docker.io/v1/ --docker-username=$DOCKER_USERNAME --docker-password=$DOCKER_PASSWORD --docker-email=varjosh@example.com

kubectl create secret docker-registry regcred --docker-username=$DOCKER_USERNAME --docker-password=$DOCKER_PASSWORD

kubectl create secret docker-registry plain --docker-username=u --docker-password=p -o yaml

kubectl create secret docker-registry nouser --docker-password=p

kubectl create secret docker-registry

kubectl create secret docker-registry Bad_Name --docker-username=u --docker-password=p

kubectl get secret

kubectl get secret plain -o yaml

kubectl get secret plain -o json

kubectl describe secret plain

kubectl get secret plain -o jsonpath='{.data.\.dockerconfigjson}' | base64 -d

kubectl get secret nope

kubectl delete secret nope

kubectl patch secret plain -p '{"type":"Opaque"}'

kubectl patch secret plain -p '{"data":{".dockerconfigjson":"bm8ganNvbg=="}}'

kubectl patch secret plain --type=json -p '[{"op":"remove","path":"/data"}]'

kubectl create secret generic words --from-literal=a=1 --from-literal=b=two

kubectl describe secret words

kubectl patch secret words -p '{"immutable":true}'

kubectl patch secret words -p '{"stringData":{"a":"2"}}'

kubectl patch secret words -p '{"immutable":false}'

kubectl create secret generic Words --from-literal=a=1

# a key that is none
kubectl patch secret plain -p '{"stringData":{"a/b":"2"}}'

kubectl get secret words plain -o name

kubectl delete secret words plain
