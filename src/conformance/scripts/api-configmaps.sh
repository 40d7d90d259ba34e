kubectl create configmap settings --from-literal=colour=blue --from-literal=size=3

kubectl create cm settings

kubectl get cm

kubectl get cm settings -o yaml

kubectl describe cm settings

kubectl label cm settings tier=front app=app1

kubectl create cm other --from-literal=a=b

kubectl label cm other tier=back

kubectl get cm -l tier=front

kubectl get cm -l 'tier in (front,back),app' --no-headers

kubectl get cm -l 'tier!=front,!app' -o name

kubectl get cm --field-selector metadata.name=other

kubectl get cm --field-selector data.a=b

kubectl get cm -l 'tier in'

kubectl annotate cm settings note=seen

kubectl annotate cm settings note=again

kubectl annotate cm settings note-

kubectl patch cm settings --type=merge -p '{"data":{"colour":null,"shape":"round"}}'

kubectl get cm settings -o jsonpath='{.data}'

kubectl patch cm settings -p '{"immutable":true}'

kubectl patch cm settings -p '{"data":{"size":"4"}}'

kubectl get cm -o custom-columns=NAME:.metadata.name,TIER:.metadata.labels.tier

kubectl get cm --sort-by=.metadata.name -o name

kubectl replace -f - <<EOF
{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"other"},"data":{"a":"c"}}
EOF

kubectl replace -f - <<EOF
{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"absent"}}
EOF

kubectl delete cm -l tier=front

kubectl delete cm --all
