kubectl create ns $NAMESPACE-two

kubectl create ns $NAMESPACE-two

kubectl create namespace Demo_1

kubectl get ns $NAMESPACE-two

kubectl get ns $NAMESPACE-two -o yaml

kubectl describe ns $NAMESPACE-two

kubectl get ns nope

kubectl -n nope get pods

kubectl -n $NAMESPACE-two get pods

kubectl -n $NAMESPACE-two wait --for=create sa/default --timeout=30s

kubectl -n $NAMESPACE-two get sa,secret,cm

kubectl label ns $NAMESPACE-two stage=rehearsal

kubectl label ns $NAMESPACE-two stage=lecture

kubectl get ns -l stage=rehearsal,kubernetes.io/metadata.name=$NAMESPACE-two --show-labels

kubectl delete ns $NAMESPACE-two

kubectl delete ns $NAMESPACE-two

kubectl create -n nope sa x

kubectl delete ns kube-system --dry-run=server

kubectl delete ns default
