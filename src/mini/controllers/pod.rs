//! What controllers of workloads see of a pod: a few fields, so that a thousand pods are no burden. Pure.

use std::borrow::Cow;

use jiff::Timestamp;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::Deserialize;

/// A pod, read from its JSON.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct Pod {
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub spec: Spec,
    #[serde(default)]
    pub status: Status,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Spec {
    pub node_name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    pub phase: String,
    pub conditions: Vec<Condition>,
    pub container_statuses: Vec<Container>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub last_transition_time: Option<Time>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Container {
    pub restart_count: i32,
    pub state: State,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct State {
    pub terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Terminated {
    pub finished_at: Option<Time>,
}

impl kube::Resource for Pod {
    type DynamicType = ();
    type Scope = kube::core::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Pod".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "pods".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<core::Pod> for Pod {
    fn from(pod: core::Pod) -> Self {
        let status = pod.status.unwrap_or_default();
        let condition = |condition: core::PodCondition| Condition {
            kind: condition.type_,
            status: condition.status,
            last_transition_time: condition.last_transition_time,
        };
        let container = |status: core::ContainerStatus| Container {
            restart_count: status.restart_count,
            state: State {
                terminated: status
                    .state
                    .and_then(|state| state.terminated)
                    .map(|terminated| Terminated { finished_at: terminated.finished_at }),
            },
        };
        Self {
            metadata: pod.metadata,
            spec: Spec { node_name: pod.spec.and_then(|spec| spec.node_name).unwrap_or_default() },
            status: Status {
                phase: status.phase.unwrap_or_default(),
                conditions: status.conditions.into_iter().flatten().map(condition).collect(),
                container_statuses: status.container_statuses.into_iter().flatten().map(container).collect(),
            },
        }
    }
}

impl Pod {
    pub(super) fn ended(&self) -> bool {
        matches!(self.status.phase.as_str(), "Succeeded" | "Failed")
    }

    /// It may still do its work: neither ended nor to end.
    pub(super) fn active(&self) -> bool {
        !self.ended() && self.metadata.deletion_timestamp.is_none()
    }

    pub(super) fn terminating(&self) -> bool {
        !self.ended() && self.metadata.deletion_timestamp.is_some()
    }

    /// Since when it is ready.
    pub(super) fn ready_since(&self) -> Option<Timestamp> {
        let ready = self.status.conditions.iter().find(|condition| condition.kind == "Ready")?;
        (ready.status == "True").then(|| ready.last_transition_time.as_ref().map_or(Timestamp::MIN, |time| time.0))
    }

    /// It has been ready for `seconds`.
    pub(super) fn available(&self, seconds: i32, now: Timestamp) -> bool {
        let long = |since: Timestamp| now.duration_since(since).as_secs() >= i64::from(seconds);
        self.ready_since().is_some_and(|since| seconds == 0 || long(since))
    }

    /// When it ended: as its containers say (long ago, if they do not know), else as near as can be told.
    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        let ends = self.status.container_statuses.iter().map(|container| {
            let ended = container.state.terminated.as_ref()?;
            Some(ended.finished_at.as_ref().map_or(Timestamp::MIN, |time| time.0))
        });
        let ends: Option<Vec<_>> = ends.collect();
        let last = ends.and_then(|ends| ends.into_iter().max());
        let going = || self.metadata.deletion_timestamp.as_ref().map(|time| time.0);
        last.or_else(going).or_else(|| self.metadata.creation_timestamp.as_ref().map(|time| time.0))
    }

    pub(super) fn restarts(&self) -> i32 {
        self.status.container_statuses.iter().map(|container| container.restart_count).sum()
    }
}
