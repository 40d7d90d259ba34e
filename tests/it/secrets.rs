//! A lab that prints its password in every form, tokens and a key: none of them reaches an output or a file that stays.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::post::Post;
use crate::program::Ground;

const LAB: &str = r#"# Careless

<!-- rehearse: needs cluster -->

```bash
printf %s "$DOCKER_PASSWORD" > OUTSIDE
echo "$DOCKER_PASSWORD"
echo "$DOCKER_PASSWORD" >&2
printf %s "$DOCKER_PASSWORD" | base64
printf %s "cloudwithvarjosh:$DOCKER_PASSWORD" | base64 -w 0
printf '\n%s\033[1m%s\n' "${DOCKER_PASSWORD:0:5}" "${DOCKER_PASSWORD:5}"
printf %s "cloudwithvarjosh:$DOCKER_PASSWORD" | base64 -w 20 | sed 's/^/   /'
printf %s "$DOCKER_PASSWORD" | od -An -v -tx1
kubectl create secret docker-registry s --docker-server=https://index.docker.io/v1/ \
  --docker-username=cloudwithvarjosh --docker-password="$DOCKER_PASSWORD"
kubectl get secret s -o yaml
kubectl get secret s -o jsonpath='{.data.\.dockerconfigjson}' | base64 --decode
kubectl get secret s -o jsonpath='{.data.\.dockerconfigjson}' | base64 --decode | base64
kubectl run leak --image=cloudwithvarjosh/none --env="PASSWORD=$DOCKER_PASSWORD"
kubectl get pod leak -o json
docker login -u cloudwithvarjosh -p "$DOCKER_PASSWORD"
cat "$DOCKER_CONFIG/config.json"
token=$(kubectl create token default)
echo "$token"
printf %s "$token" > TOKENS
kubectl create token default | base64 -w 0
kubectl create secret generic t --from-literal=token="$(kubectl create token default)" -o yaml --dry-run=client
printf -- '-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleS1vZi1zb21lYm9keQ==\n-----END PRIVATE KEY-----\n'
```

It fails with the password in its message and its evidence:

<!-- rehearse:
  timeout 2s
  expect pod/leak: Running
  event pod/leak: Nothing "nothing"
-->
```bash
kubectl get pods "$DOCKER_PASSWORD" || kubectl annotate pod leak password="$DOCKER_PASSWORD"
```
"#;

/// The parts of base64 that stand for the secret alone, wherever in a text it begins.
fn forms(secret: &str) -> Vec<String> {
    let shifted = (0..3).map(|lead| {
        let encoded = STANDARD.encode(format!("{}{secret}", "x".repeat(lead)));
        encoded[4..encoded.len() - 4].to_owned()
    });
    let once: Vec<String> = shifted.collect();
    let twice = once.iter().flat_map(|form| {
        (0..3).map(move |lead| {
            let encoded = STANDARD.encode(format!("{}{form}", "x".repeat(lead)));
            encoded[4..encoded.len() - 4].to_owned()
        })
    });
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    once.iter().cloned().chain(twice).chain([secret.to_owned(), hex]).collect()
}

#[test]
fn forms_are_found_where_they_are() {
    let secret = "Zx9tQ2mLw7Rk4Vb8Ns3Hd6Yc";
    for user in ["u", "us", "use"] {
        let pair = STANDARD.encode(format!("{user}:{secret}"));
        for text in [&pair, &STANDARD.encode(&pair)] {
            assert!(forms(secret).iter().any(|form| text.contains(form)), "{text}");
        }
    }
}

#[tokio::test]
async fn no_form_of_the_password_is_printed_or_kept() {
    let ground = Ground::new().await;
    let outside = ground.path("password");
    let (post, tokens) = (Post::to(&outside), Post::to(&ground.path("token")));
    ground.lab(&LAB.replace("OUTSIDE", post.path()).replace("TOKENS", tokens.path()));
    for json in [&["--json"][..], &[]] {
        let run = ground.play(json).run().await.exits_with(1);
        run.says("•••").says("to go through Running");
        let password = std::fs::read_to_string(&outside).unwrap();
        assert!(password.len() >= 16);
        let mut told = vec![("output".to_owned(), run.all())];
        for session in ground.sessions() {
            let folder = std::fs::metadata(ground.root().join(&session)).unwrap();
            assert_eq!(folder.permissions().mode() & 0o777, 0o700, "{session}");
            for entry in std::fs::read_dir(ground.root().join(session)).unwrap() {
                let path = entry.unwrap().path();
                let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", path.display());
                told.push((path.display().to_string(), std::fs::read_to_string(path).unwrap()));
            }
        }
        assert!(told.len() >= 3, "{told:?}");
        let token = std::fs::read_to_string(ground.path("token")).unwrap();
        let (claims, signature) = token.trim().rsplit_once('.').unwrap();
        for (place, text) in told {
            // As a reader would join wrapped lines, plain and inside JSON strings.
            let joined = text.replace("\\n", "").split_whitespace().collect::<String>();
            for form in forms(&password) {
                assert!(!joined.contains(&form), "{place} shows the password");
            }
            for form in [claims, signature, "eyJhbGciOi", "ZXlKaGJHY2lPa", "c2VjcmV0LWtleS1vZi1zb21lYm9keQ"] {
                assert!(!joined.contains(form), "{place} shows a token or a key");
            }
        }
    }
    ground.nothing_is_left(2).await;
}
