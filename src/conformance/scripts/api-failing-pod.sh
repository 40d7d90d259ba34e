kubectl run mypod --image=$IMAGE

kubectl wait --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}'=ImagePullBackOff pod/mypod --timeout=90s

# From here on the pod goes to and fro between ErrImagePull and ImagePullBackOff.
kubectl get pods | sed -E 's/ErrImagePull|ImagePullBackOff/TROUBLE/'

kubectl get pod mypod -o jsonpath='{.status.phase} {.status.containerStatuses[0].state.waiting.message}' | sed 's/Back-off.*ErrImagePull: //'

kubectl get pod mypod -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason} {.message}{"\n"}{end}' | sort

# On mini a pod has no address before its container runs; and events of one second may come in any order.
kubectl describe pod mypod | sed -E '/^Events:/,$d; s/ErrImagePull|ImagePullBackOff/TROUBLE/' | grep -v '^ *IPs\?:'

kubectl get events -o custom-columns=TYPE:.type,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message | sort -u

kubectl logs mypod 2>&1 | sed 's/waiting to start: .*/waiting to start/'

kubectl exec mypod -- id

kubectl delete pod mypod
