//! A cluster and a registry that are there already. Here both are a kept stage's; to the run they are the user's.

use std::path::PathBuf;

use kube::config::Kubeconfig;
use rehearsal::exec::Tool;
use serde_json::{Value, json};

use crate::labs::{all, all_reproduced, as_ever};
use crate::program::{Ground, KeptStage, Program, project};

/// A kept stage, as a user has it: a kubeconfig with a credential plugin that looks for its login at home.
pub(crate) struct Theirs {
    pub ground: Ground,
    stage: KeptStage,
}

impl Theirs {
    pub(crate) async fn up() -> Self {
        let ground = Ground::new().await;
        let stage = ground.up().await;
        let kubeconfig = Kubeconfig::read_from(&stage.kubeconfig).unwrap();
        let mut kubeconfig = serde_json::to_value(kubeconfig).unwrap();
        let home = ground.path("home");
        std::fs::create_dir(&home).unwrap();
        let user = &mut kubeconfig["users"][0]["user"];
        let version = "client.authentication.k8s.io/v1";
        let credential =
            json!({"apiVersion": version, "kind": "ExecCredential", "status": {"token": user["token"].take()}});
        std::fs::write(home.join("credential.json"), credential.to_string()).unwrap();
        let script = "cat \"$HOME/credential.json\"";
        *user = json!({"exec": {
            "apiVersion": version, "interactiveMode": "Never", "command": "sh", "args": ["-c", script],
        }});
        std::fs::write(ground.path("kubeconfig"), kubeconfig.to_string()).unwrap();
        Self { ground, stage }
    }

    fn sessions(&self) -> PathBuf {
        self.ground.path("theirs")
    }

    /// A run in another folder than the stage's: it does not know what the cluster is.
    pub(crate) fn play(&self, context: &str, args: &[&str]) -> Program {
        let registry = format!("{}/team", self.stage.registry);
        let context = format!("context:{context}");
        let on = ["run", "--cluster", &context, "--registry", &registry];
        let run = self.ground.rehearse(&[&on[..], args].concat()).env("REHEARSAL_DIR", self.sessions());
        let run = run.env("KUBECONFIG", self.ground.path("kubeconfig")).env("HOME", self.ground.path("home"));
        run.env("REHEARSAL_REGISTRY_USERNAME", "cloudwithvarjosh")
            .env("REHEARSAL_REGISTRY_PASSWORD", &self.stage.password)
    }

    async fn kubectl(&self, args: &[&str]) -> String {
        let fetched = project().join(".tools/bin/kubectl");
        let kubectl = if fetched.exists() { fetched } else { "kubectl".into() };
        let tool = Tool::new(kubectl).args(args).env("KUBECONFIG", &self.stage.kubeconfig);
        tool.run_ok().await.unwrap().stdout
    }

    /// Plays a lab, which is reproduced, and leaves every object of the cluster as it was.
    pub(crate) async fn plays_within(&self, lab: &str) {
        let before = self.objects().await;
        self.ground.lab(lab);
        let labs = self.ground.labs().display().to_string();
        let run = self.play("mini", &["--json", "--labs", &labs]).run().await.exits_with(0);
        assert_eq!(run.events("lab.finished")[0]["verdict"], "reproduced", "{}", run.stdout);
        assert_eq!(self.objects().await, before);
    }

    /// Every object that is not an event, by kind, as the API tells it.
    async fn objects(&self) -> Vec<String> {
        let kinds = "configmaps,secrets,serviceaccounts,services,roles.rbac.authorization.k8s.io,\
                     rolebindings.rbac.authorization.k8s.io,clusterroles.rbac.authorization.k8s.io,\
                     clusterrolebindings.rbac.authorization.k8s.io,namespaces,pods";
        let text = self.kubectl(&["get", kinds, "-A", "-o", "json"]).await;
        let list: Value = serde_json::from_str(&text).unwrap();
        let mut objects: Vec<_> = list["items"].as_array().unwrap().iter().map(Value::to_string).collect();
        objects.sort();
        objects
    }

    pub(crate) async fn down(self) {
        self.ground.rehearse(&["down"]).run().await.exits_with(0);
        self.ground.nothing_is_left(1).await;
    }
}

#[tokio::test]
async fn labs_on_a_cluster_of_the_users_own() {
    let theirs = Theirs::up().await;
    let before = std::fs::read(theirs.ground.path("kubeconfig")).unwrap();
    let run = theirs.play("mini", &["--json"]).run().await.exits_with(0);
    all_reproduced(&run, &theirs.sessions(), &all());
    as_ever(&theirs.sessions(), &run, false);
    run.says("only you can change it").says("your registry has a name of its own");
    let id = format!("rehearsal-{}-lab2", run.session());
    run.says(&format!("namespace default → {id}, a namespace NAME → {id}-NAME"));
    assert_eq!(theirs.kubectl(&["get", "ns", "-o", "name"]).await.lines().count(), 4, "its own and no other");
    assert_eq!(std::fs::read(theirs.ground.path("kubeconfig")).unwrap(), before);
    theirs.down().await;
}

#[tokio::test]
async fn a_cluster_that_looks_like_production_or_gives_no_rights() {
    let theirs = Theirs::up().await;
    let path = theirs.ground.path("kubeconfig");
    let mine = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, mine.replace("\"mini\"", "\"mini-PROD\"")).unwrap();
    let run = theirs.play("mini-PROD", &[]).run().await.exits_with(2);
    run.says("context `mini-PROD` looks like production").says("hint: refused when").says("--allow-production");

    theirs.kubectl(&["create", "serviceaccount", "student"]).await;
    let token = theirs.kubectl(&["create", "token", "student"]).await;
    let mut students: Value = serde_json::from_str(&mine).unwrap();
    students["users"][0]["user"] = json!({"token": token.trim()});
    std::fs::write(&path, students.to_string()).unwrap();
    let run = theirs.play("mini", &[]).run().await.exits_with(2);
    run.says("in context `mini` you may not create namespaces, nor delete namespaces").says("hint: ask for a role");
    let wrong = theirs.play("mini", &[]).env("REHEARSAL_REGISTRY_PASSWORD", "not-the-password");
    std::fs::write(&path, mine).unwrap();
    wrong.run().await.exits_with(2).says("does not take the login of cloudwithvarjosh");
    assert_eq!(theirs.kubectl(&["get", "ns", "-o", "name"]).await.lines().count(), 4);
    theirs.down().await;
}

/// What anybody may write who knows bash and kubectl: functions, programs that start kubectl, other clients, names that
/// are computed.
const ANYTHING: &str = r#"# Anything

<!-- rehearse: needs cluster -->
```bash
on() { kubectl --namespace "$1" "${@:2}"; }
kubectl create namespace team
on team create configmap settings --from-literal=mode=dark
on default create configmap settings --from-literal=mode=light
kubectl get namespaces -o name | grep -v namespace/kube-
```

```text
namespace/team created
configmap/settings created
configmap/settings created
namespace/default
namespace/team
```

```bash
kubectl get sa default -o jsonpath='{.metadata.name}{"\n"}{.metadata.namespace}{"\n"}' | grep -cx default
echo settings | xargs kubectl get configmap -n team -o name
bash -c 'for ns in default team; do eval "kubectl get cm settings -n $ns -o jsonpath={.data.mode}"; echo; done'
NS=$(echo maet | rev); kubectl get ns "$NS" -o name
```

```text
2
configmap/settings
light
dark
namespace/team
```

Manifests that are put together, and a patch:

```bash
for name in one two; do sed "s/NAME/$name/" <<'END'
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: NAME
  namespace: team
data:
  where: web.team.svc.cluster.local
END
done | kubectl apply -f -
kubectl patch cm one -n team --type=json -p '[{"op": "add", "path": "/data/more", "value": "x"}]'
kubectl get cm one -n team -o jsonpath='{.metadata.namespace} {.data.where}'; echo
awk 'BEGIN { system ("kubectl delete cm two -n team") }' > /dev/null
```

```text
configmap/one created
configmap/two created
configmap/one patched
team web.team.svc.cluster.local
```

Another client than kubectl:

```bash
cat > client.py <<'END'
import base64, json, ssl, subprocess, urllib.request
view = json.loads(subprocess.check_output(["kubectl", "config", "view", "--raw", "-o", "json"]))
cluster, user = view["clusters"][0]["cluster"], view["users"][0]["user"]
trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
request = urllib.request.Request(cluster["server"] + "/api/v1/configmaps")
request.add_header("Authorization", "Bearer " + user["token"])
found = json.load(urllib.request.urlopen(request, context=trust))["items"]
print(sorted({item["metadata"]["namespace"] for item in found if item["metadata"]["name"] == "settings"}))
END
python3 client.py
```

```text
['default', 'team']
```

What is not the lab's is refused in Kubernetes' own words:

<!-- rehearse: fails "Forbidden" or "forbidden" -->
```bash
kubectl get secrets -n kube-system
```

<!-- rehearse: fails "Forbidden" or "forbidden" -->
```bash
kubectl create clusterrole everything --verb='*' --resource='*'
```

<!-- rehearse: fails "Forbidden" or "forbidden" -->
```bash
kubectl label node --all mine=yes
```
"#;

#[tokio::test]
async fn whatever_a_lab_does_stays_within_its_namespaces() {
    let theirs = Theirs::up().await;
    theirs.kubectl(&["create", "namespace", "team"]).await;
    theirs.kubectl(&["create", "configmap", "settings", "-n", "team", "--from-literal=mode=theirs"]).await;
    theirs.plays_within(ANYTHING).await;
    theirs.down().await;
}
