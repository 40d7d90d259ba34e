# A ServiceAccount that gets the secret does not heal the pods that there are; a restarted Deployment has others.

cat > d.yaml <<EOF
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app1
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app1
  template:
    metadata:
      labels:
        app: app1
    spec:
      containers:
      - name: app1
        image: $IMAGE
EOF

kubectl apply -f d.yaml

kubectl wait --for=jsonpath='{.status.replicas}'=2 deploy/app1 --timeout=60s

kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ImagePullBackOff pod -l app=app1 --timeout=90s

kubectl create secret docker-registry regcred --docker-server=$SERVER --docker-username=$DOCKER_USERNAME --docker-password=$DOCKER_PASSWORD

kubectl patch serviceaccount default -p '{"imagePullSecrets":[{"name":"regcred"}]}'

kubectl get pods -o jsonpath='{range .items[*]}{.spec.imagePullSecrets}{"\n"}{end}'

kubectl get deploy,rs,pods | sed -E 's/ErrImagePull|ImagePullBackOff/TROUBLE/'

kubectl rollout restart deploy/app1

kubectl rollout status deploy/app1 --timeout=120s | tail -n 1

# Those that go are shown until they are gone.
kubectl wait --for=jsonpath='{.status.terminatingReplicas}'=0 rs -l app=app1 --timeout=90s

kubectl get deploy,pods

kubectl get rs --sort-by='{.metadata.annotations.deployment\.kubernetes\.io/revision}'

kubectl get rs --sort-by='{.metadata.annotations.deployment\.kubernetes\.io/revision}' -o jsonpath='{range .items[*]}{.metadata.annotations} {.spec.template.metadata.annotations}{"\n"}{end}'

kubectl get pods -o jsonpath='{range .items[*]}{.spec.imagePullSecrets}{"\n"}{end}'

kubectl get deploy app1 -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

kubectl rollout history deploy/app1

kubectl rollout history deploy/app1 --revision=2

kubectl describe deploy app1 | sed '/^Events:/,$d'

kubectl get events --field-selector involvedObject.kind=Deployment -o custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message | sed -E 's/app1-[a-z0-9-]+/app1-X/' | sort -u
