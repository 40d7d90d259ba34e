kubectl run mypod --image=$IMAGE

kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ImagePullBackOff pod/mypod --timeout=90s

kubectl get pods

kubectl get pod mypod -o jsonpath='{.status.phase} {.status.containerStatuses[0].state.waiting.message}'

kubectl get pod mypod -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

# Counts and ages differ; what is said does not.
kubectl describe pod mypod | sed -E 's/ +\(x[0-9]+ over [^)]*\)//'

kubectl get events -o custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message | sort -u

kubectl logs mypod

kubectl exec mypod -- id

kubectl delete pod mypod
