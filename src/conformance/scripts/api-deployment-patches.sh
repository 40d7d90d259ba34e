# A pod template's pull secrets merge by name where a ServiceAccount's are replaced. No replicas: nothing is pulled.

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
      - name: one
      containers:
      - name: app1
        image: docker.io/cloudwithvarjosh/app1:1.0.0
EOF

kubectl apply -f d.yaml

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"two"}]}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"two"}]}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"$patch":"delete","name":"one"}]}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 -p '{"spec":{"template":{"spec":{"$setElementOrder/imagePullSecrets":[{"name":"three"},{"name":"two"}],"imagePullSecrets":[{"name":"three"}]}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"$patch":"replace"},{"name":"four"}]}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 -p '{"spec":{"template":{"spec":{"imagePullSecrets":null}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 --type=merge -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"m1"},{"name":"m2"}]}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 --type=merge -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"m3"}]}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 --type=json -p '[{"op":"add","path":"/spec/template/spec/imagePullSecrets/-","value":{"name":"j1"}}]'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 --type=json -p '[{"op":"remove","path":"/spec/template/spec/imagePullSecrets/7"}]'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 --type=json -p '[{"op":"test","path":"/spec/template/spec/imagePullSecrets/0/name","value":"x"}]'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"five"}'

kubectl patch deploy nosuch -p '{"spec":{}}'

kubectl apply -f d.yaml

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

sed 's/      - name: one/&\n      - name: extra/' d.yaml | kubectl apply -f -

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

kubectl patch deploy app1 -p '{"spec":{"template":{"spec":{"imagePullSecrets":[{"name":"foreign"}]}}}}'

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

sed 's/      - name: one/      - name: extra/' d.yaml | kubectl apply -f -

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

sed '/imagePullSecrets/d; /name: one/d' d.yaml | kubectl apply -f -

kubectl get deploy app1 -o jsonpath='{.spec.template.spec.imagePullSecrets}{.metadata.generation}'

sed '/imagePullSecrets/d; /name: one/d' d.yaml | kubectl apply -f -
