cat > pod.yaml <<EOF
apiVersion: v1
kind: Pod
metadata:
  name: mypod
spec:
  containers:
  - name: app
    image: registry.invalid/app:1
  imagePullSecrets:
  - name: regcred
EOF

kubectl apply -f pod.yaml

sed 's/app:1/app:2/' pod.yaml | kubectl apply -f -

kubectl get pod mypod -o jsonpath='{.spec.containers[0].image} {.metadata.generation}'

sed 's/name: app$/name: app2/' pod.yaml | kubectl apply -f - 2>&1 | sed 's/kube-api-access-[a-z0-9]*/VOLUME/'

sed 's/regcred/other/' pod.yaml | kubectl apply -f -

kubectl patch pod mypod -p '{"spec":{"imagePullSecrets":[{"name":"x"}]}}'

kubectl patch pod mypod -p '{"spec":{"restartPolicy":"Never"}}'

kubectl patch pod mypod -p '{"spec":{"serviceAccountName":"other"}}'

kubectl patch pod mypod -p '{"metadata":{"name":"other"}}'

kubectl set image pod/mypod app=registry.invalid/app:3

kubectl delete pod mypod --now
