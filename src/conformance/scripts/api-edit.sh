kubectl run mypod --image=registry.invalid/app:1

KUBE_EDITOR='sed -i s/resourceVersion/resourceVersion/' kubectl edit sa default

KUBE_EDITOR='sed -i "$ a imagePullSecrets:\n- name: regcred"' kubectl edit sa default

kubectl get sa default -o jsonpath='{.imagePullSecrets}'

KUBE_EDITOR='sed -i "s/^    name: mypod$/    name: zzz/"' kubectl edit pod mypod 2>&1 | sed 's#"/[^"]*/kubectl-edit-[^"]*"#FILE#'

KUBE_EDITOR='sed -i "s/restartPolicy: Always/restartPolicy: Never/"' kubectl edit pod mypod 2>&1 | sed 's#"/[^"]*/kubectl-edit-[^"]*"#FILE#'

KUBE_EDITOR='sed -i "s/app:1/app:2/"' kubectl edit pod mypod

kubectl get pod mypod -o jsonpath='{.spec.containers[0].image}'

kubectl edit pod nope

kubectl delete pod mypod --now
