# What is typed reaches the container's own process; a container that has ended cannot be attached to.
kubectl create secret docker-registry regcred --docker-server=$SERVER --docker-username=$DOCKER_USERNAME --docker-password=$DOCKER_PASSWORD

kubectl patch serviceaccount default -p '{"imagePullSecrets":[{"name":"regcred"}]}'

kubectl run reader --image=$IMAGE --restart=Never --stdin --attach=false --command -- sh -c 'read line; echo "heard $line"; read line; echo "heard $line"; exit 3'

kubectl wait --for=condition=Ready pod/reader --timeout=90s

kubectl get pod reader -o jsonpath='{.spec.containers[0].stdin} {.spec.containers[0].stdinOnce} {.spec.containers[0].tty}'

printf 'one\ntwo\n' | kubectl attach -i reader

kubectl wait --for=jsonpath='{.status.phase}'=Failed pod/reader --timeout=60s

kubectl get pod reader -o jsonpath='{.status.containerStatuses[0].state.terminated.exitCode}'

kubectl logs reader

kubectl attach reader

kubectl attach nosuch

# The input ends with the client's.
echo hello | kubectl run once --image=$IMAGE --restart=Never --stdin --rm --command -- sh -c 'cat; echo done'

kubectl run server --image=$IMAGE --restart=Never --command -- sleep 600

kubectl wait --for=condition=Ready pod/server --timeout=90s

kubectl attach server -c nosuch

# Whoever has no input waits for what it prints.
timeout 3 kubectl attach server

kubectl delete pod server --now
