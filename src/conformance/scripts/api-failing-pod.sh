kubectl run mypod --image=$IMAGE

kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ImagePullBackOff pod/mypod --timeout=90s

kubectl get pods

kubectl get pod mypod -o jsonpath='{.status.phase} {.status.containerStatuses[0].state.waiting.message}'

kubectl get pod mypod -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

# On mini a pod has no address before its container runs; and events of one second may come in any order.
kubectl describe pod mypod | sed '/^Events:/,$d' | grep -v '^ *IPs\?:'

kubectl get events -o custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message | sort -u

kubectl logs mypod

kubectl exec mypod -- id

kubectl delete pod mypod
