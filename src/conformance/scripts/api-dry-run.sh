kubectl create sa app1-sa --dry-run=server

kubectl create sa app1-sa --dry-run=client -o yaml

kubectl get sa app1-sa

cat > settings.yaml <<EOF
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  colour: blue
EOF

kubectl apply -f settings.yaml --dry-run=server

kubectl apply -f settings.yaml

sed 's/blue/red/' settings.yaml | kubectl diff -f - | grep '^[-+] '

sed 's/blue/red/' settings.yaml | kubectl apply --dry-run=server -f -

kubectl get cm settings -o jsonpath='{.data.colour}'

sed 's/colour: blue/size: "3"/' settings.yaml | kubectl apply -f -

kubectl get cm settings -o jsonpath='{.data}'

kubectl delete cm settings --dry-run=server

kubectl delete -f settings.yaml

kubectl delete -f settings.yaml
