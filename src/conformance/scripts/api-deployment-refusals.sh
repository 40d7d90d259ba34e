# What a real server refuses about Deployments, each time one thing. No replicas: nothing is pulled.

cat > d.yaml <<'EOF'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app1
spec:
  replicas: 0
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
        image: docker.io/cloudwithvarjosh/app1:1.0.0
EOF

kubectl apply -f d.yaml

sed 's/^  name: app1/  name: bad1/; 0,/app: app1/s//app: other/' d.yaml | kubectl apply -f -

sed 's/app: app1/app: other/' d.yaml | kubectl apply -f -

sed '0,/app: app1/s//app: other/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad2/; /^    metadata/d; /^      labels/d; /^        app: app1/d' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad3/; /^  selector/d; /^    matchLabels/d; /^      app: app1/d' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad3/; s/^  selector:/  selector: {}/; /^    matchLabels/d; /^      app: app1/d' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad4/; $a\        imagePullSecrets: [{name: regcred}]' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad5/; s/^      containers:/      imagePullSecrets: [regcred]\n&/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad6/; s/^      containers:/      imagePullSecrets: regcred\n&/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad7/; s/^  replicas: 0/&\n  imagePullSecrets: [{name: regcred}]/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad8/; /image:/d' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad8/; s/^      containers:/      restartPolicy: Never\n&/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad8/; s/replicas: 0/replicas: -1/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad8/; s/replicas: 0/replicas: "two"/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad9/; s/^  replicas: 0/&\n  strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad9/; s/^  replicas: 0/&\n  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}/' d.yaml | kubectl apply -f -

sed 's/^  name: app1/  name: bad9/; s/^  replicas: 0/&\n  progressDeadlineSeconds: 5\n  minReadySeconds: 5/' d.yaml | kubectl apply -f -

kubectl create -f d.yaml

kubectl get deploy nosuch

kubectl set image deploy/app1 nosuch=x:1

kubectl scale deploy/app1 --replicas=-1

sed 's/^  name: app1/  name: dry/' d.yaml | kubectl apply --dry-run=server -f -
