# A Deployment goes to an image that is not there, and back to the good one by undo.

kubectl create secret docker-registry regcred --docker-server=$SERVER --docker-username=$DOCKER_USERNAME --docker-password=$DOCKER_PASSWORD

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
      imagePullSecrets:
      - name: regcred
      containers:
      - name: app1
        image: $IMAGE
EOF

kubectl apply -f d.yaml

kubectl rollout status deploy/app1 --timeout=120s | tail -n 1

kubectl annotate deploy/app1 kubernetes.io/change-cause='the good image'

kubectl set image deploy/app1 app1=${IMAGE%:*}:none

kubectl annotate deploy/app1 kubernetes.io/change-cause='no such tag'

kubectl wait --for=jsonpath='{.status.updatedReplicas}'=1 deploy/app1 --timeout=60s

# The new pod cannot pull; the old ones stay.
new=$(kubectl get rs --sort-by='{.metadata.annotations.deployment\.kubernetes\.io/revision}' -o jsonpath='{.items[-1:].metadata.labels.pod-template-hash}'); kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ImagePullBackOff pod -l pod-template-hash=$new --timeout=90s

kubectl get deploy app1

kubectl get rs --sort-by='{.metadata.annotations.deployment\.kubernetes\.io/revision}'

kubectl rollout status deploy/app1 --timeout=1s | tail -n 1

kubectl rollout history deploy/app1

kubectl describe deploy app1 | sed '/^Events:/,$d'

kubectl rollout undo deploy/app1 --dry-run=client | head -n 1

kubectl rollout undo deploy/app1

kubectl rollout status deploy/app1 --timeout=120s | tail -n 1

kubectl wait --for=jsonpath='{.status.replicas}'=2 deploy/app1 --timeout=90s

kubectl get rs --sort-by='{.metadata.annotations.deployment\.kubernetes\.io/revision}'

kubectl get rs -o jsonpath='{range .items[*]}{.metadata.annotations}{"\n"}{end}' | sort

kubectl rollout history deploy/app1

kubectl rollout undo deploy/app1 --to-revision=1

kubectl rollout undo deploy/app1 --to-revision=3

kubectl rollout undo deploy/app1 --to-revision=2

kubectl wait --for=jsonpath='{.status.updatedReplicas}'=1 deploy/app1 --timeout=60s

kubectl rollout undo deploy/app1

kubectl rollout status deploy/app1 --timeout=120s | tail -n 1

kubectl rollout history deploy/app1

kubectl get deploy app1 -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

kubectl get events --field-selector involvedObject.kind=Deployment -o custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message | sed -E 's/app1-[a-z0-9-]+/app1-X/' | sort -u
