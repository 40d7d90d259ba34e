# A Deployment whose image the registry refuses. Names of ReplicaSets and pods are taken out of the record.

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

# From here on the pods go to and fro between ErrImagePull and ImagePullBackOff.
kubectl get deploy,rs,pods | sed -E 's/ErrImagePull|ImagePullBackOff/TROUBLE/'

kubectl rollout status deploy/app1 --timeout=1s | tail -n 1

kubectl get deploy app1 -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

kubectl get deploy app1 -o jsonpath='{.status.observedGeneration} {.status.replicas} {.status.updatedReplicas} {.status.readyReplicas} {.status.unavailableReplicas}'

kubectl describe deploy app1

kubectl describe rs -l app=app1

# A scaled Deployment is not a new one: its pods are refused as those before.
kubectl scale deploy/app1 --replicas=1

kubectl wait --for=jsonpath='{.status.replicas}'=1 deploy/app1 --timeout=60s

kubectl get events --field-selector involvedObject.kind!=Pod -o custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.kind,MESSAGE:.message | sed -E 's/app1-[a-z0-9-]+/app1-X/' | sort -u

kubectl get events --field-selector involvedObject.kind=Pod -o custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message | sed -E 's/app1-[a-z0-9-]+/app1-X/' | sort -u

kubectl rollout history deploy/app1

kubectl delete deploy app1 --cascade=foreground

kubectl get deploy,rs,pods
