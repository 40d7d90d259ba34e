kubectl create secret docker-registry regcred --docker-server=$SERVER --docker-username=$DOCKER_USERNAME --docker-password=$DOCKER_PASSWORD

cat > pod.yaml <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: mypod
  labels:
    app: app1
spec:
  containers:
  - name: app
    image: $IMAGE
    ports:
    - containerPort: 5000
    env:
    - name: COLOUR
      value: blue
  imagePullSecrets:
  - name: regcred
EOF

kubectl get pods

kubectl -n nope apply -f pod.yaml

kubectl apply -f pod.yaml

kubectl wait --for=condition=Ready pod/mypod --timeout=90s

kubectl apply -f pod.yaml

kubectl create -f pod.yaml

kubectl get pods

kubectl get pod mypod -o wide

kubectl get pod/mypod -o name

kubectl get pods --show-labels

kubectl get all

kubectl get pods,sa,secret

kubectl get pods -o custom-columns=NAME:.metadata.name,IMG:.spec.containers[*].image,SEC:.spec.imagePullSecrets[*].name

kubectl get pods --field-selector status.phase=Running,metadata.name=mypod -o name

kubectl get pods --field-selector spec.nodeName=nope

kubectl wait --for=condition=Ready pod/nope --timeout=2s

kubectl describe pod mypod

kubectl get events --field-selector involvedObject.name=mypod --sort-by=.metadata.creationTimestamp

timeout 60 bash -c 'until kubectl logs mypod | grep Flask; do :; done'

kubectl logs mypod -c nope

kubectl logs nope

kubectl exec mypod -- sh -c 'id; echo $COLOUR'

kubectl exec mypod -- sh -c 'exit 3'

kubectl exec mypod -- nosuchcmd 2>&1 | sed 's/"[0-9a-f]\{64\}"/ID/; s/exec: "nosuchcmd": .*/exec: "nosuchcmd" …/'

kubectl exec nope -- id

echo 'from outside' | kubectl exec -i mypod -- cat

kubectl get pod nope

kubectl describe pod nope

kubectl delete pod nope

kubectl label pod mypod tier=front

kubectl get pods -l tier=front,app=app1 -o name

kubectl get pod mypod -o jsonpath='{.status.phase} {.status.qosClass} {.spec.restartPolicy} {.spec.dnsPolicy} {.status.containerStatuses[0].started} {.spec.tolerations[*].key}'

kubectl delete pod mypod --now

kubectl get pods
