# The progress deadline passes while the image is refused; the Deployment goes on trying, and heals.

cat > d.yaml <<EOF
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app1
spec:
  replicas: 2
  progressDeadlineSeconds: 3
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

kubectl rollout status deploy/app1 --timeout=90s | tail -n 1

kubectl wait --for=condition=Progressing=False deploy/app1 --timeout=60s

kubectl get deploy app1 -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

kubectl rollout status deploy/app1

kubectl get deploy,rs

kubectl describe deploy app1

kubectl create secret docker-registry regcred --docker-server=$SERVER --docker-username=$DOCKER_USERNAME --docker-password=$DOCKER_PASSWORD

kubectl wait --for=condition=Available deploy/app1 --timeout=120s

kubectl wait --for=condition=Progressing deploy/app1 --timeout=60s

kubectl wait --for=jsonpath='{.status.readyReplicas}'=2 deploy/app1 --timeout=60s

kubectl get deploy app1 -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

kubectl rollout status deploy/app1

kubectl get deploy,rs,pods
