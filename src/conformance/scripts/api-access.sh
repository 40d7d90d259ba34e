kubectl auth can-i create pods

kubectl auth can-i '*' '*' -A

kubectl auth can-i get secrets --as system:serviceaccount:$NAMESPACE:default

kubectl get secrets --as system:serviceaccount:$NAMESPACE:default

kubectl get pod x --as nobody

kubectl create sa x --as nobody

kubectl create role reader --verb=get,list --resource=secrets,configmaps

kubectl create rolebinding reader --role=reader --serviceaccount=$NAMESPACE:default

kubectl get role,rolebinding

kubectl describe role reader

kubectl describe rolebinding reader

kubectl auth can-i list secrets --as system:serviceaccount:$NAMESPACE:default

kubectl auth can-i delete secrets --as system:serviceaccount:$NAMESPACE:default

kubectl auth can-i list secrets -n default --as system:serviceaccount:$NAMESPACE:default

kubectl get secrets --as system:serviceaccount:$NAMESPACE:default

kubectl delete secret x --as system:serviceaccount:$NAMESPACE:default

kubectl patch rolebinding reader -p '{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"other"}}'

kubectl auth whoami --as jane --as-group developers
