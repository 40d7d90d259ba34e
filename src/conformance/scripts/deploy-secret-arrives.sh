# The secret that a pod template names comes after the pods: they heal by themselves.

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

kubectl wait --for=jsonpath='{.status.replicas}'=2 deploy/app1 --timeout=60s

kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ImagePullBackOff pod -l app=app1 --timeout=90s

kubectl get deploy,rs,pods | sed -E 's/ErrImagePull|ImagePullBackOff/TROUBLE/'

kubectl get events --field-selector reason=FailedToRetrieveImagePullSecret -o custom-columns=TYPE:.type,MESSAGE:.message | sed -E 's/app1-[a-z0-9-]+/app1-X/' | sort -u

kubectl create secret docker-registry regcred --docker-server=$SERVER --docker-username=$DOCKER_USERNAME --docker-password=$DOCKER_PASSWORD

# Kubelets look every 11 to 15 s.
kubectl rollout status deploy/app1 --timeout=120s | tail -n 1

kubectl get deploy,rs,pods

kubectl get deploy app1 -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

kubectl describe deploy app1

kubectl get deploy app1 -o jsonpath='{.metadata.generation} {.status.observedGeneration} {.status.replicas} {.status.updatedReplicas} {.status.readyReplicas} {.status.availableReplicas}'

kubectl get rs -o jsonpath='{range .items[*]}{.metadata.annotations} {.status}{"\n"}{end}'
