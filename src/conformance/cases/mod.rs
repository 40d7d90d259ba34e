//! The table of all cases. A case is a row here, a scenario or a script, and its expected record.

mod access;
mod accounts;
mod node;
mod pulls;
mod secrets;

use futures::future::LocalBoxFuture;

use super::error::Error;
use super::world::World;

type Scenario = for<'w, 'g> fn(&'w mut World<'g>) -> LocalBoxFuture<'w, Result<(), Error>>;

/// A named scenario.
pub struct Case {
    /// Also the name of its files, and of its namespace.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) needs: Needs,
    pub(crate) play: Play,
    /// What `rehearse why` has to name, each time that a pod is seen waiting for its image.
    pub(crate) causes: &'static [&'static str],
    /// The record of a real cluster.
    pub(crate) expected: &'static str,
}

/// How a case is played.
pub(crate) enum Play {
    Scenario(Scenario),
    /// Commands with blank lines between them; lines that begin with `#` are for readers.
    Script(&'static str),
}

/// What must hold for a case to be played at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// No other case beside it, and a registry that comes back on its port: it stops the registry.
    pub outage: bool,
    /// The API server's oldest minor release that behaves so.
    pub since: u32,
    /// The newest.
    pub until: u32,
    /// The oldest minor release of kubectl that words it so.
    pub kubectl: u32,
}

const ANY: Needs = Needs { outage: false, since: 32, until: u32::MAX, kubectl: 0 };
const OUTAGE: Needs = Needs { outage: true, ..ANY };
/// The kubelet verifies who may use an image that is on its node (KubeletEnsureSecretPulledImages).
const VERIFIED: Needs = Needs { since: 35, ..ANY };
const UNVERIFIED: Needs = Needs { until: 34, ..ANY };
/// Printed words are those of this release on both sides.
const WORDS: Needs = Needs { since: 36, kubectl: 36, ..ANY };

macro_rules! scenario {
    ($id:literal, $needs:ident, $play:path, $title:literal $(, $cause:literal)*) => {
        Case {
            id: $id,
            title: $title,
            needs: $needs,
            play: Play::Scenario(|world| Box::pin($play(world))),
            causes: &[$($cause),*],
            expected: include_str!(concat!("../expected/", $id, ".json")),
        }
    };
}

macro_rules! script {
    ($id:literal, $title:literal) => {
        Case {
            id: $id,
            title: $title,
            needs: WORDS,
            play: Play::Script(include_str!(concat!("../scripts/", $id, ".sh"))),
            causes: &[],
            expected: include_str!(concat!("../expected/", $id, ".json")),
        }
    };
}

#[rustfmt::skip]
static CASES: &[Case] = &[
    scenario!("right-credentials", ANY, pulls::right_credentials, "a pod with the right secret runs"),
    scenario!("no-credentials", ANY, pulls::no_credentials, "without credentials the pull is refused and backs off", "no-secret-named"),
    scenario!("missing-tag", ANY, pulls::missing_tag, "right credentials, no such tag", "tag-unknown"),
    scenario!("missing-repository", ANY, pulls::missing_repository, "right credentials, no such repository", "repository-unknown"),
    scenario!("recreated-pod", ANY, pulls::recreated_pod, "a recreated pod starts its back-off afresh", "no-secret-named"),
    scenario!("deleted-while-stuck", ANY, pulls::deleted_while_stuck, "a pod that cannot pull is deleted", "no-secret-named"),
    scenario!("registry-stopped", OUTAGE, pulls::registry_stopped, "the registry stops, and comes back", "registry-unreachable"),
    scenario!("wrong-password", ANY, secrets::wrong_password, "a secret with the wrong password", "login-refused"),
    scenario!("password-corrected", ANY, secrets::password_corrected, "a corrected password heals the pod", "login-refused"),
    scenario!("secret-missing", ANY, secrets::missing, "the named secret does not exist", "secret-missing"),
    scenario!("secret-created-later", ANY, secrets::created_later, "the named secret is created later: the pod heals", "secret-missing"),
    scenario!("secret-for-other-server", ANY, secrets::for_other_server, "a secret for another server is not used", "secret-for-other-server"),
    scenario!("secret-of-wrong-type", ANY, secrets::of_wrong_type, "an Opaque secret with the right key", "secret-of-wrong-type"),
    scenario!("secret-without-key", ANY, secrets::without_key, "a secret without the right key", "secret-of-wrong-type"),
    scenario!("secret-with-empty-config", ANY, secrets::with_empty_config, "a dockerconfigjson of no servers", "secret-for-other-server"),
    scenario!("secret-in-other-namespace", ANY, secrets::in_other_namespace, "the secret is in another namespace only", "secret-missing"),
    scenario!("several-secrets", ANY, secrets::several, "several secrets, one of them right"),
    scenario!("default-account-patched", ANY, accounts::default_patched_before, "the default ServiceAccount has the secret"),
    scenario!("default-account-patched-late", ANY, accounts::default_patched_after, "patched after the pod: the old one stays, a new one runs", "no-secret-named", "account-patched-late"),
    scenario!("custom-account", ANY, accounts::custom, "a custom ServiceAccount with the secret"),
    scenario!("custom-account-bare", ANY, accounts::custom_bare, "a custom ServiceAccount inherits nothing", "no-secret-named"),
    scenario!("account-missing", ANY, accounts::missing, "a pod whose ServiceAccount does not exist is refused"),
    scenario!("own-secret-beside-accounts", ANY, accounts::own_secret_beside, "the pod's own secret hides the ServiceAccount's", "login-refused"),
    scenario!("policy-if-not-present", ANY, node::if_not_present, "IfNotPresent uses the image on the node"),
    scenario!("policy-always", ANY, node::always, "Always asks the registry again", "no-secret-named"),
    scenario!("policy-never", ANY, node::never, "Never and absent: ErrImageNeverPull", "never-pulled"),
    scenario!("policy-defaults", ANY, node::policy_defaults, ":latest, untagged, tagged and digest have their own default policy"),
    scenario!("untagged", ANY, node::untagged, "an untagged image is pulled as :latest", "no-secret-named"),
    scenario!("digest", ANY, node::digest, "an image named by its digest", "tag-unknown"),
    scenario!("invalid-image-name", ANY, node::invalid_name, "names that are none: InvalidImageName", "image-name-invalid", "image-name-invalid", "image-name-invalid"),
    scenario!("on-node-verified", VERIFIED, node::verified, "an image on the node is not for pods without credentials", "no-secret-named", "never-pulled", "login-refused"),
    scenario!("on-node-unverified", UNVERIFIED, node::unverified, "an image on the node is for everybody", "no-secret-named"),
    scenario!("token-mounted", ANY, access::token_mounted, "token, CA and namespace are mounted where they belong"),
    scenario!("automount-false", ANY, access::automount_false, "automountServiceAccountToken: false mounts nothing"),
    scenario!("credentials-nowhere", ANY, access::credentials_nowhere, "the pull credentials are nowhere in the container"),
    script!("api-namespaces", "namespaces: created, refused, listed, deleted"),
    script!("api-secrets", "secrets: docker-registry, tables, describe, immutable fields"),
    script!("api-accounts", "ServiceAccounts: created, patched in three ways, described"),
    script!("api-configmaps", "ConfigMaps: data, immutability, labels and selectors"),
    script!("api-pods", "pods: applied, listed, described, logs, exec, deleted"),
    script!("api-pod-updates", "pods: what may not change"),
    script!("api-pod-fields", "pods: what kubectl and the server say of wrong manifests"),
    script!("api-failing-pod", "a pod that cannot pull: get, describe, events"),
    script!("api-edit", "kubectl edit: no change, a valid one, an invalid one"),
    script!("api-access", "can-i, impersonation, roles and a 403"),
    script!("api-explain", "explain and api-resources"),
    script!("api-deployment-patches", "a pod template's pull secrets under every kind of patch"),
    script!("api-deployment-refusals", "what is refused about Deployments"),
    script!("deploy-no-credentials", "a Deployment whose image is refused"),
    script!("deploy-secret-arrives", "the secret of a Deployment arrives: its pods heal"),
    script!("deploy-account-restart", "a ServiceAccount patched, a Deployment restarted"),
    script!("deploy-undo", "a rollout that cannot pull, undone"),
    script!("deploy-progress-deadline", "the progress deadline passes, and the Deployment heals"),
    script!("api-attach", "attach and run --stdin: what is typed reaches the process"),
    script!("api-reviews", "access reviews of a namespace"),
    script!("api-field-owners", "managed fields, and conflicts of server-side apply"),
    script!("api-dry-run", "dry-run on both sides, diff and server-side apply"),
];

/// All cases, in their order.
pub fn all() -> &'static [Case] {
    CASES
}

/// The cases named, or all.
///
/// # Errors
/// [`Error::UnknownCase`].
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Case>, Error> {
    if names.is_empty() {
        return Ok(CASES.iter().collect());
    }
    let find = |name: &String| {
        CASES.iter().find(|case| case.id == name).ok_or_else(|| Error::UnknownCase { name: name.clone() })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::record::CaseRecord;

    #[test]
    fn every_expected_record_is_its_cases_and_as_a_run_writes_it() {
        for case in all() {
            let record: CaseRecord =
                serde_json::from_str(case.expected).unwrap_or_else(|error| panic!("{}: {error}", case.id));
            assert_eq!(record.case, case.id);
            assert_eq!(record.to_text(), case.expected, "{}", case.id);
        }
    }

    #[test]
    fn cases_are_chosen_by_name() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(chosen(&[]).unwrap().len(), all().len());
        assert_eq!(chosen(&names(&["digest"])).unwrap()[0].id, "digest");
        assert!(matches!(chosen(&names(&["nope"])), Err(Error::UnknownCase { .. })));
    }
}
