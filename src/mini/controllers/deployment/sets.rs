//! What a Deployment's ReplicaSets carry for it: revisions, sizes, annotations (`deployment/util`). Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStatus, ReplicaSet, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;

pub(super) const HASH_LABEL: &str = "pod-template-hash";
pub(super) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
pub(super) const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
pub(super) const MAX: &str = "deployment.kubernetes.io/max-replicas";
/// How long the list of former revisions may grow, in bytes.
const HISTORY_LIMIT: usize = 2000;
/// Annotations of a Deployment that its ReplicaSets do not get.
const OWN: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// A Deployment's parts, where an unset field means what Kubernetes' defaults say.
pub(super) trait DeploymentExt {
    fn parts(&self) -> (&DeploymentSpec, DeploymentStatus);

    fn replicas(&self) -> i32 {
        self.parts().0.replicas.unwrap_or(1)
    }

    fn rolling(&self) -> Option<RollingUpdateDeployment> {
        let strategy = self.parts().0.strategy.clone().unwrap_or_default();
        let rolling = strategy.type_.as_deref().is_none_or(|kind| kind == "RollingUpdate");
        rolling.then(|| strategy.rolling_update.unwrap_or_default())
    }

    /// How many pods may be there beyond those desired.
    fn max_surge(&self) -> i32 {
        self.rolling().map_or(0, |rolling| fenceposts(&rolling, self.replicas()).0)
    }

    /// How many of the desired pods may be away.
    fn max_unavailable(&self) -> i32 {
        let replicas = self.replicas();
        let rolling = self.rolling().filter(|_| replicas != 0);
        rolling.map_or(0, |rolling| fenceposts(&rolling, replicas).1.min(replicas))
    }

    /// The seconds in which a rollout is to get on.
    fn progress_deadline(&self) -> Option<i32> {
        self.parts().0.progress_deadline_seconds.filter(|seconds| *seconds != i32::MAX)
    }

    /// Every replica is of the newest template and available, and the newest spec was seen.
    fn complete(&self, status: &DeploymentStatus, generation: Option<i64>) -> bool {
        let all = |count: Option<i32>| count.unwrap_or(0) == self.replicas();
        all(status.updated_replicas)
            && all(status.replicas)
            && all(status.available_replicas)
            && status.observed_generation >= generation
    }
}

impl DeploymentExt for Deployment {
    fn parts(&self) -> (&DeploymentSpec, DeploymentStatus) {
        (&self.spec, self.status.clone().unwrap_or_default())
    }
}

/// `ResolveFenceposts`: surge and unavailable pods of `desired`; a percentage of surge is rounded up, the other down,
/// and both may not be none.
fn fenceposts(rolling: &RollingUpdateDeployment, desired: i32) -> (i32, i32) {
    let scaled = |value: &Option<IntOrString>, up: bool| match value {
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(text)) => {
            let percent = text.trim_end_matches('%').parse::<i32>().unwrap_or(0);
            let hundredths = percent.saturating_mul(desired);
            if up { hundredths.saturating_add(99) / 100 } else { hundredths / 100 }
        }
        None => 0,
    };
    match (scaled(&rolling.max_surge, true), scaled(&rolling.max_unavailable, false)) {
        (0, 0) => (0, 1),
        both => both,
    }
}

/// A ReplicaSet's numbers.
pub(super) trait SetExt {
    fn set(&self) -> &ReplicaSet;

    fn size(&self) -> i32 {
        self.set().spec.replicas.unwrap_or(1)
    }

    fn count(&self, of: impl Fn(&k8s_openapi::api::apps::v1::ReplicaSetStatus) -> Option<i32>) -> i32 {
        self.set().status.as_ref().and_then(of).unwrap_or(0)
    }

    fn actual(&self) -> i32 {
        self.count(|status| Some(status.replicas))
    }

    fn available(&self) -> i32 {
        self.count(|status| status.available_replicas)
    }

    /// 0 without a revision, or with one that is no number.
    fn revision(&self) -> i64 {
        self.set().annotations().get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn number(&self, annotation: &str) -> Option<i32> {
        self.set().annotations().get(annotation)?.parse().ok()
    }
}

impl SetExt for ReplicaSet {
    fn set(&self) -> &ReplicaSet {
        self
    }
}

/// The templates are equal but for the hash (`EqualIgnoreHash`).
pub(super) fn same_template(set: &ReplicaSet, deployment: &Deployment) -> bool {
    let bare = |template: Option<&PodTemplateSpec>| {
        let mut template = template.cloned().unwrap_or_default();
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.remove(HASH_LABEL);
        template
    };
    bare(set.spec.template.as_ref()) == bare(Some(&deployment.parts().0.template))
}

/// Gives the newest ReplicaSet its revision and the Deployment's annotations; false if it has them
/// (`SetNewReplicaSetAnnotations`).
pub(super) fn annotate_newest(deployment: &Deployment, set: &mut ReplicaSet, revision: i64, exists: bool) -> bool {
    let before = set.revision();
    let sizes = (deployment.replicas(), deployment.replicas() + deployment.max_surge());
    let had = set.annotations().get(REVISION).cloned();
    let known = set.annotations().clone();
    let annotations = set.annotations_mut();
    for (key, value) in deployment.annotations().iter().filter(|(key, _)| !OWN.contains(&key.as_str())) {
        annotations.insert(key.clone(), value.clone());
    }
    if had.as_deref().is_some_and(|text| text.parse::<i64>().is_err()) {
        return *annotations != known;
    }
    if before < revision {
        annotations.insert(REVISION.to_owned(), revision.to_string());
        if let Some(had) = had {
            remember(annotations, &had);
        }
    }
    if !exists {
        annotate_sizes(annotations, sizes);
    }
    *annotations != known
}

/// A revision that was rolled back to keeps its former numbers, the oldest of them as far as there is room.
fn remember(annotations: &mut BTreeMap<String, String>, revision: &str) {
    let former = annotations.get(HISTORY).filter(|text| !text.is_empty());
    let mut all: Vec<_> = former.into_iter().flat_map(|text| text.split(',')).map(str::to_owned).collect();
    all.push(revision.to_owned());
    while all.len() > 1 && all.join(",").len() > HISTORY_LIMIT {
        all.remove(0);
    }
    annotations.insert(HISTORY.to_owned(), all.join(","));
}

/// Notes for how many replicas a ReplicaSet was given its size; true if that is news.
pub(super) fn annotate_sizes(annotations: &mut BTreeMap<String, String>, (desired, max): (i32, i32)) -> bool {
    let news = |key: &str, value: i32, annotations: &mut BTreeMap<String, String>| {
        let value = value.to_string();
        annotations.insert(key.to_owned(), value.clone()).is_none_or(|before| before != value)
    };
    let changed = news(DESIRED, desired, annotations);
    news(MAX, max, annotations) || changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surge_is_rounded_up_and_what_may_be_away_down() {
        let rolling = |surge: IntOrString, away: IntOrString| RollingUpdateDeployment {
            max_surge: Some(surge),
            max_unavailable: Some(away),
        };
        let quarter = || IntOrString::String("25%".to_owned());
        for (replicas, expected) in [(0, (0, 1)), (1, (1, 0)), (3, (1, 0)), (4, (1, 1)), (10, (3, 2))] {
            assert_eq!(fenceposts(&rolling(quarter(), quarter()), replicas), expected, "{replicas}");
        }
        assert_eq!(fenceposts(&rolling(IntOrString::Int(0), quarter()), 3), (0, 1));
    }

    #[test]
    fn a_set_that_is_rolled_back_to_remembers_its_revisions() {
        let (deployment, mut set) = (Deployment::default(), ReplicaSet::default());
        for revision in [1, 3, 5] {
            assert!(annotate_newest(&deployment, &mut set, revision, true));
        }
        assert!(!annotate_newest(&deployment, &mut set, 4, true));
        assert_eq!(set.annotations()[REVISION], "5");
        assert_eq!(set.annotations()[HISTORY], "1,3");
    }
}
