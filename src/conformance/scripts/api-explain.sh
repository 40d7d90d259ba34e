kubectl explain pod.spec.imagePullSecrets

kubectl explain secret.type

kubectl explain sa.imagePullSecrets.name

kubectl explain pod.spec.nope

kubectl explain nope

kubectl api-resources --api-group= --namespaced=true -o name | grep -E '^(configmaps|events|pods|secrets|serviceaccounts)$'
