//! What a container finds inside: the ServiceAccount's token, and no pull credentials.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::pulls::{POD, RUNNING, SECRET};
use crate::conformance::error::Error;
use crate::conformance::pod::PodSpec;
use crate::conformance::world::{SecretContents, World};

async fn running(world: &mut World<'_>, pod: PodSpec) -> Result<(), Error> {
    world.serve().await?;
    world.secret(SECRET, SecretContents::Right).await?;
    world.pod(&pod.secrets(&[SECRET])).await?;
    world.goes_through(POD, RUNNING).await
}

pub(super) async fn token_mounted(world: &mut World<'_>) -> Result<(), Error> {
    running(world, PodSpec::named(POD)).await?;
    let dir = "/var/run/secrets/kubernetes.io/serviceaccount";
    world.play(&format!("kubectl exec {POD} -- ls {dir}")).await?;
    world.play(&format!("kubectl exec {POD} -- cat {dir}/namespace")).await?;
    world.play(&format!("kubectl exec {POD} -- head -1 {dir}/ca.crt")).await?;
    // The token's second part says whose it is.
    let claims = "import base64, json, sys; part = sys.stdin.read().split('.')[1]; \
                  claims = json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4))); \
                  own = claims['kubernetes.io']; \
                  print(claims['sub'], sorted(own), own['pod']['name'], claims['exp'] - claims['iat'])";
    world
        .play(&format!("kubectl exec {POD} -- cat {dir}/token | kubectl exec -i {POD} -- python3 -c \"{claims}\""))
        .await
}

pub(super) async fn automount_false(world: &mut World<'_>) -> Result<(), Error> {
    running(world, PodSpec::named(POD).automount(false)).await?;
    world
        .play(&format!("kubectl get pod {POD} -o jsonpath='{{.spec.volumes}}{{.spec.containers[*].volumeMounts}}'"))
        .await?;
    world.play(&format!("kubectl exec {POD} -- ls /var/run/secrets")).await
}

pub(super) async fn credentials_nowhere(world: &mut World<'_>) -> Result<(), Error> {
    running(world, PodSpec::named(POD)).await?;
    let everything = "cat /proc/*/environ /proc/*/cmdline; \
                      find / -xdev -type f -size -64k \\( -name '*.json' -o -name '*cfg' -o -path '/run/*' -o -path '/var/run/*' \
                      -o -path '/root/*' -o -path '/etc/*' -o -path '/tmp/*' \\) -exec cat {} +";
    let printed = world.quietly(&format!("kubectl exec {POD} -- sh -c \"{everything}\" | tr '\\0' '\\n'")).await?;
    // The ServiceAccount's token is there, and is none of the registry's.
    let credentials = world.testbed.stage.credentials();
    let password = credentials.password.expose();
    let forms = [password.to_owned(), STANDARD.encode(password), credentials.basic()];
    world.fact("the search found files and environments", printed.all.contains("PATH="));
    world.fact("it found the password in any form", forms.iter().any(|form| printed.all.contains(form.as_str())));
    world
        .play(&format!(
            "kubectl exec {POD} -- sh -c 'find / -xdev -name \"*dockerc*\" -o -name config.json -path \"*docker*\"'"
        ))
        .await
}
