# Reviews that ask for a namespace.

kubectl create role reader --verb=get --resource=secrets

kubectl create rolebinding reader --role=reader --user=eve

for verb in get list; do echo '{"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview","metadata":{"namespace":"'$NAMESPACE'"},"spec":{"user":"eve","resourceAttributes":{"namespace":"'$NAMESPACE'","verb":"'$verb'","resource":"secrets"}}}' | kubectl create -f - -o jsonpath='{.status.allowed} {.status.reason}{"\n"}'; done

echo '{"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview","metadata":{"namespace":"'$NAMESPACE'"},"spec":{"user":"eve","resourceAttributes":{"namespace":"default","verb":"get","resource":"secrets"}}}' | kubectl create -f -

echo '{"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview","metadata":{"namespace":"'$NAMESPACE'"},"spec":{"user":"eve","nonResourceAttributes":{"path":"/x","verb":"get"}}}' | kubectl create -f -

echo '{"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview","metadata":{"namespace":"'$NAMESPACE'"},"spec":{"resourceAttributes":{"namespace":"'$NAMESPACE'","verb":"get","resource":"secrets"}}}' | kubectl create -f -

echo '{"apiVersion":"authorization.k8s.io/v1","kind":"LocalSubjectAccessReview","metadata":{"namespace":"'$NAMESPACE'"},"spec":{"user":"eve"}}' | kubectl create -f -
