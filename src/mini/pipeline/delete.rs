//! Deletion: preconditions, grace, finalizers (apiserver `rest.BeforeDelete`, `Store.Delete`).
//!
//! An object goes with the first write (a deletion, or an update that takes the last of these away) after which it has
//! a `deletionTimestamp`, a grace of 0, no finalizers, and its strategy does not hold it. Until then it is only marked.

use std::sync::Arc;

use serde_json::{Value, json};

use super::update::{Attempt, ready_to_go};
use super::{Pipeline, now, rfc3339};
use crate::mini::resource::{Propagation, Resource};
use crate::mini::status::{ApiError, Qualified};
use crate::mini::store::{Key, Object};

/// `DeleteOptions`, as far as they matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeleteOptions {
    pub grace_period_seconds: Option<i64>,
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    /// What becomes of the object's dependents; the garbage collector sees to it.
    pub propagation: Option<Propagation>,
    pub dry_run: bool,
}

/// What a deletion came to.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// It is gone; this was its last state.
    Gone(Arc<Object>),
    /// It lingers: grace or finalizers.
    Marked(Arc<Object>),
}

impl Pipeline {
    pub(crate) fn delete(
        &self,
        resource: &'static Resource,
        key: &Key,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        self.retry(resource, key, usize::MAX, |current| self.try_delete(resource, key, current, options))
    }

    fn try_delete(
        &self,
        resource: &'static Resource,
        key: &Key,
        current: &Arc<Object>,
        options: &DeleteOptions,
    ) -> Attempt<Deleted> {
        let mut object = current.value();
        check_preconditions(resource, key, &object, options)?;
        if resource.plural == "namespaces" && IMMORTAL.contains(&key.name.as_str()) {
            let why = "this namespace may not be deleted".to_owned();
            return Err(ApiError::Forbidden { resource: resource.qualified(), name: key.name.clone(), why });
        }
        let grace = resource.strategy.grace(&object, options.grace_period_seconds);
        if object["metadata"]["deletionTimestamp"].is_string() {
            let left = object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
            let shorter = options.grace_period_seconds.is_some_and(|asked| asked < left);
            if !shorter && !ready_to_go(resource, &object) {
                return Ok(Ok(Deleted::Marked(current.clone())));
            }
        }
        let propagation = options.propagation.unwrap_or_else(|| held_for(resource, &object));
        hold(&mut object, propagation);
        mark(&mut object, grace);
        resource.strategy.mark_deleted(&mut object);
        let goes = ready_to_go(resource, &object);
        if options.dry_run {
            let object = Arc::new(Object::unstored(resource.shelf(), key.clone(), object));
            return Ok(Ok(if goes { Deleted::Gone(object) } else { Deleted::Marked(object) }));
        }
        Ok(if goes {
            self.store.delete(resource.shelf(), key, current.revision).map(Deleted::Gone)
        } else {
            self.store.update(resource.shelf(), key, current.revision, object).map(Deleted::Marked)
        })
    }
}

/// `rest.BeforeDelete`: the object must be the one that is meant.
fn check_preconditions(
    resource: &'static Resource,
    key: &Key,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    for (field, asked, has, happened) in [
        ("UID", &options.uid, &object["metadata"]["uid"], "deleted and then recreated"),
        ("ResourceVersion", &options.resource_version, &object["metadata"]["resourceVersion"], "modified"),
    ] {
        let has = has.as_str().unwrap_or_default();
        if let Some(asked) = asked.as_ref().filter(|asked| *asked != has) {
            let why = format!(
                "the {field} in the precondition ({asked}) does not match the {field} in record ({has}). \
                 The object might have been {happened}"
            );
            let kind = Qualified { name: resource.kind, group: resource.group };
            return Err(ApiError::Conflict { resource: kind, name: key.name.clone(), why });
        }
    }
    Ok(())
}

/// Namespaces that are not to be deleted (`NamespaceLifecycle` admission).
const IMMORTAL: &[&str] = &["default", "kube-public", "kube-system"];

/// Finalizers by which the garbage collector is told what becomes of the dependents.
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// A deletion that says nothing of dependents means what an earlier one said, or what is usual for the kind.
fn held_for(resource: &Resource, object: &Value) -> Propagation {
    let finalizers = object["metadata"]["finalizers"].as_array();
    let has = |name: &str| finalizers.is_some_and(|all| all.iter().any(|finalizer| finalizer == name));
    match (has(ORPHAN), has(FOREGROUND)) {
        (true, _) => Propagation::Orphan,
        (_, true) => Propagation::Foreground,
        _ => resource.strategy.propagation(),
    }
}

/// `deletionFinalizersForGarbageCollection`.
fn hold(object: &mut Value, propagation: Propagation) {
    let finalizers = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let mut finalizers: Vec<_> = finalizers.into_iter().filter(|name| *name != ORPHAN && *name != FOREGROUND).collect();
    match propagation {
        Propagation::Orphan => finalizers.push(json!(ORPHAN)),
        Propagation::Foreground => finalizers.push(json!(FOREGROUND)),
        Propagation::Background => {}
    }
    let metadata = super::metadata(object);
    if finalizers.is_empty() {
        metadata.shift_remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), Value::Array(finalizers));
    }
}

/// Sets the deletion's time (when the grace ends) and the grace itself.
fn mark(object: &mut Value, seconds: i64) {
    let metadata = &mut object["metadata"];
    let end = jiff::Timestamp::now().saturating_add(jiff::SignedDuration::from_secs(seconds));
    metadata["deletionTimestamp"] = json!(end.map_or_else(|_| now(), rfc3339));
    metadata["deletionGracePeriodSeconds"] = json!(seconds);
    if let Some(generation) = metadata["generation"].as_i64() {
        metadata["generation"] = json!(generation + 1);
    }
}
