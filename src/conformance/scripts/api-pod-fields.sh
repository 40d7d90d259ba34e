cat > pod.yaml <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: mypod
spec:
  containers:
  - name: app
    image: registry.invalid/app:1
EOF

sed 's/image:/imagee:/' pod.yaml | kubectl apply -f -

sed 's/image:/imagee:/' pod.yaml | kubectl create -f -

(cat pod.yaml; echo '    imagee: x') | kubectl create --validate=warn --dry-run=server -f -

sed 's/image: .*/image: 3/' pod.yaml | kubectl apply -f -

sed 's/- name: app/- nmae: app/' pod.yaml | kubectl apply -f -

sed '/image:/d' pod.yaml | kubectl apply -f -

sed 's/name: app$/name: App_1/' pod.yaml | kubectl apply -f -

sed 's/name: mypod/name: My_Pod/' pod.yaml | kubectl apply -f -

sed '/containers:/,$d' pod.yaml | kubectl apply -f -

sed 's/kind: Pod/kind: Pood/' pod.yaml | kubectl apply -f -

sed 's/apiVersion: v1/apiVersion: v2/' pod.yaml | kubectl apply -f -

sed 's/metadata:/metadata: x/' pod.yaml | kubectl apply -f -

(cat pod.yaml; echo '  restartPolicy: Sometimes') | kubectl apply -f -

(cat pod.yaml; echo '  imagePullSecrets: regcred') | kubectl apply -f -

(cat pod.yaml; echo '    imagePullPolicy: Maybe') | kubectl apply -f -

(cat pod.yaml; echo '  serviceAccountName: nope') | kubectl apply -f -

# an integer where a string is wanted
(cat pod.yaml; printf '    env:\n    - name: 1\n      value: x\n') | kubectl apply -f -

(cat pod.yaml; printf '  - name: app\n    image: x\n') | kubectl apply -f -

kubectl apply -f nofile.yaml

echo | kubectl apply -f -

kubectl get foo

kubectl gett pods
