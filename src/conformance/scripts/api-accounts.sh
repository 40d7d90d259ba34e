kubectl create serviceaccount app1-sa

kubectl create sa app1-sa

kubectl get sa

kubectl get sa nope

kubectl delete sa nope

kubectl describe sa default

kubectl patch serviceaccount default -p '{"imagePullSecrets": [{"name": "regcred"}]}'

kubectl patch serviceaccount default -p '{"imagePullSecrets": [{"name": "regcred"}]}'

kubectl patch sa nope -p '{"imagePullSecrets": [{"name": "regcred"}]}'

kubectl patch sa default -p '{"imagePullSecrets": "regcred"}'

kubectl patch sa default -p '{bad json'

kubectl get sa default -o yaml

kubectl describe sa default

kubectl patch sa default -p '{"imagePullSecrets": [{"name": "second"}]}'

kubectl get sa default -o jsonpath='{.imagePullSecrets}'

kubectl patch sa default --type=json -p '[{"op":"remove","path":"/imagePullSecrets"}]'

kubectl patch sa default --type=json -p '[{"op":"remove","path":"/imagePullSecrets"}]'

kubectl patch sa default --type=json -p '[{"op":"add","path":"/imagePullSecrets","value":[{"name":"third"}]}]'

kubectl patch sa default -p '{"imagePullSecrets": []}'

kubectl patch sa default --type=merge -p '{"imagePullSecrets": [{"name": "regcred"}]}'

kubectl get sa default -o jsonpath='{.imagePullSecrets}'

kubectl patch sa default --type=merge -p '{"imagePullSecrets": null}'

kubectl create token app1-sa --duration=10m | cut -d. -f2 | tr '_-' '/+' | sed 's/$/==/' | base64 -di 2>/dev/null | grep -o '"sub":"[^"]*"'

kubectl create token nope

kubectl create token app1-sa --duration=1m

kubectl delete sa app1-sa

kubectl delete sa default

kubectl wait --for=create sa/default --timeout=30s
