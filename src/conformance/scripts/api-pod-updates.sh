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

# The first line says it; what follows is a difference of the server's internal types.
sed 's/name: app$/name: app2/' pod.yaml | kubectl apply -f - 2>&1 | sed -n 1p

sed 's/regcred/other/' pod.yaml | kubectl apply -f - 2>&1 | sed -n 1p

kubectl patch pod mypod -p '{"spec":{"imagePullSecrets":[{"name":"x"}]}}' 2>&1 | sed -n 1p

kubectl patch pod mypod -p '{"spec":{"restartPolicy":"Never"}}' 2>&1 | sed -n 1p

kubectl patch pod mypod -p '{"spec":{"serviceAccountName":"other"}}' 2>&1 | sed -n 1p

kubectl patch pod mypod -p '{"metadata":{"name":"other"}}'

kubectl set image pod/mypod app=registry.invalid/app:3

kubectl delete pod mypod --now
