# Who owns which field, conflicts of server-side apply, and what goes when its owner no longer applies it.

cat > settings.yaml <<'EOF'
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  labels:
    tier: one
data:
  a: "1"
  b: "2"
EOF

kubectl apply --server-side -f settings.yaml

kubectl get configmap settings -o yaml --show-managed-fields

# Nothing changes: nothing is said to have changed.
kubectl apply --server-side -f settings.yaml

kubectl get configmap settings -o jsonpath='{range .metadata.managedFields[*]}{.manager} {.operation} {.fieldsV1}{"\n"}{end}' | sort

# Another manager wants another value.
sed 's/"1"/"9"/' settings.yaml | kubectl apply --server-side --field-manager=other -f -

sed 's/"1"/"9"/; s/tier: one/tier: two/' settings.yaml | kubectl apply --server-side --field-manager=other -f -

# The same value is shared.
kubectl apply --server-side --field-manager=other -f settings.yaml

kubectl get configmap settings -o jsonpath='{range .metadata.managedFields[*]}{.manager} {.operation} {.fieldsV1}{"\n"}{end}' | sort

sed 's/"1"/"9"/' settings.yaml | kubectl apply --server-side --field-manager=third --force-conflicts -f -

kubectl get configmap settings -o jsonpath='{.data}{"\n"}{range .metadata.managedFields[*]}{.manager} {.operation} {.fieldsV1}{"\n"}{end}' | sort

kubectl apply --server-side -f settings.yaml

# What nobody applies any more goes; what another owns stays.
sed '/a: /d; /labels:/d; /tier:/d' settings.yaml | kubectl apply --server-side -f -

kubectl get configmap settings -o jsonpath='{.data} {.metadata.labels}'

sed '/b: /d; /labels:/d; /tier:/d' settings.yaml | sed 's/"1"/"9"/' | kubectl apply --server-side --field-manager=other -f -

sed '/a: /d; /labels:/d; /tier:/d' settings.yaml | sed 's/"2"/"2"\n  c: "3"/' | kubectl apply --server-side --field-manager=third -f -

kubectl get configmap settings -o jsonpath='{.data} {.metadata.labels}{"\n"}{range .metadata.managedFields[*]}{.manager} {.operation} {.fieldsV1}{"\n"}{end}' | sort

# Updates and patches own what they change, and never conflict.
kubectl patch configmap settings -p '{"data":{"b":"7","d":"8"}}'

kubectl label configmap settings tier=three

kubectl get configmap settings -o jsonpath='{range .metadata.managedFields[*]}{.manager} {.operation} {.fieldsV1}{"\n"}{end}' | sort

sed '/a: /d' settings.yaml | kubectl apply --server-side -f -

kubectl delete configmap settings

kubectl create deployment app1 --image=docker.io/cloudwithvarjosh/app1:1.0.0 --replicas=0 --port=5000

kubectl get deploy app1 -o jsonpath='{range .metadata.managedFields[?(@.manager!="kube-controller-manager")]}{.manager} {.operation} {.apiVersion} {.fieldsType} {.fieldsV1}{"\n"}{end}' | sort

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
      imagePullSecrets:
      - name: regcred
      containers:
      - name: app1
        image: docker.io/cloudwithvarjosh/app1:2.0.0
        env:
        - name: MODE
          value: one
EOF

kubectl apply --server-side --field-manager=ci -f d.yaml

kubectl apply --server-side --field-manager=ci --force-conflicts -f d.yaml

kubectl get deploy app1 -o jsonpath='{range .metadata.managedFields[?(@.manager!="kube-controller-manager")]}{.manager} {.operation} {.fieldsV1}{"\n"}{end}' | sort

kubectl set image deploy/app1 app1=docker.io/cloudwithvarjosh/app1:3.0.0

kubectl set env deploy/app1 MODE=two

kubectl apply --server-side --field-manager=ci -f d.yaml

# An element of a list goes, another stays.
sed '/env:/d; /MODE/d; /value:/d; s/2.0.0/3.0.0/; s/regcred/other/' d.yaml | kubectl apply --server-side --field-manager=ci -f -

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets} {.spec.template.spec.containers[0].env}'

sed 's/replicas: 0/replicas: 2/; /env:/d; /MODE/d; /value:/d; s/2.0.0/3.0.0/' d.yaml | kubectl apply --server-side --field-manager=second --dry-run=server -f -

kubectl scale deploy/app1 --replicas=1

kubectl get deploy app1 -o jsonpath='{range .metadata.managedFields[?(@.subresource=="scale")]}{.manager} {.operation} {.apiVersion} {.fieldsV1}{"\n"}{end}'

sed '/env:/d; /MODE/d; /value:/d; s/2.0.0/3.0.0/' d.yaml | kubectl apply --server-side --field-manager=ci -f -

kubectl delete deploy app1
