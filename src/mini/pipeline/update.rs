//! Updates and patches (apiserver `rest.BeforeUpdate`, `Store.Update`).

use std::sync::Arc;

use serde_json::Value;

use super::create::{name_errors, place};
use super::{Pipeline, SERVER_SIDE, WriteOptions, Written, managed, metadata, store_error};
use crate::mini::resource::{Resource, carry};
use crate::mini::schema;
use crate::mini::status::{ApiError, FieldError};
use crate::mini::store::{self, Key, Object};

/// Which part of an object a write is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectPart {
    /// Everything but the status.
    Main,
    Status,
    /// `spec.ephemeralContainers` alone.
    EphemeralContainers,
    /// `namespaces/finalize`: `spec.finalizers` alone.
    Finalize,
    /// All of it, by the server itself (binding).
    Whole,
}

pub(super) fn same_name(name: &str, key: &Key) -> Result<(), ApiError> {
    if name == key.name {
        return Ok(());
    }
    let message = format!("the name of the object ({name}) does not match the name on the URL ({})", key.name);
    Err(ApiError::BadRequest(message))
}

/// How often a write that names no resourceVersion is computed anew when somebody else writes between its read and its
/// write.
const TRIES: usize = 5;

/// What one attempt at a write came to; the inner error is that somebody else wrote in between.
pub(super) type Attempt<T> = Result<Result<T, store::Error>, ApiError>;

impl Pipeline {
    /// Replaces an object (PUT).
    pub(crate) fn update(
        &self,
        resource: &'static Resource,
        key: &Key,
        part: ObjectPart,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        let (object, warnings) = schema::decode(resource, body, options.field_validation)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            let message =
                format!("the name of the object ({} based on URL) was undeterminable: name must be provided", key.name);
            return Err(ApiError::BadRequest(message));
        }
        same_name(name, key)?;
        let pinned = object["metadata"]["resourceVersion"].as_str().is_some_and(|v| !matches!(v, "" | "0"));
        let tries = if pinned { 1 } else { TRIES };
        self.retry(resource, key, tries, |current| self.replace(resource, key, part, current, object.clone(), options))
            .map(|object| Written { object, warnings, created: false })
    }

    /// Stores what `patch` makes of the current state (and its warnings); anew if that changed meanwhile.
    pub(crate) fn patch(
        &self,
        resource: &'static Resource,
        key: &Key,
        part: ObjectPart,
        options: &WriteOptions,
        patch: impl Fn(&Value) -> Result<(Value, Vec<String>), ApiError>,
    ) -> Result<Written, ApiError> {
        let mut warnings = vec![];
        let object = self.retry(resource, key, TRIES, |current| {
            let (object, heard) = patch(&current.value())?;
            same_name(object["metadata"]["name"].as_str().unwrap_or_default(), key)?;
            warnings = heard;
            // Of a patch the UID is no precondition: it is a field like others.
            let (old, uid) = (current.value(), &object["metadata"]["uid"]);
            if uid.as_str().is_some_and(|uid| !uid.is_empty()) && *uid != old["metadata"]["uid"] {
                let cause = FieldError::invalid("metadata.uid", uid, "field is immutable");
                resource.valid(&key.name, vec![cause])?;
            }
            self.replace(resource, key, part, current, object, options)
        })?;
        Ok(Written { object, warnings, created: false })
    }

    /// Reads and writes until nobody else has written in between.
    pub(super) fn retry<T>(
        &self,
        resource: &'static Resource,
        key: &Key,
        tries: usize,
        mut write: impl FnMut(&Arc<Object>) -> Attempt<T>,
    ) -> Result<T, ApiError> {
        let mut left = tries;
        loop {
            let current = self.get(resource, key)?;
            left -= 1;
            match write(&current)? {
                Err(_) if left > 0 => {}
                done => return done.map_err(|error| store_error(resource, key, error)),
            }
        }
    }

    fn replace(
        &self,
        resource: &'static Resource,
        key: &Key,
        part: ObjectPart,
        current: &Object,
        mut new: Value,
        options: &WriteOptions,
    ) -> Attempt<Arc<Object>> {
        let old = current.value();
        check_preconditions(resource, key, current, &old, &new)?;
        place(resource, &key.namespace, &mut new)?;
        let given = metadata(&mut new);
        given.insert("resourceVersion".to_owned(), old["metadata"]["resourceVersion"].clone());
        for field in SERVER_SIDE.iter().chain(&["generation", "generateName"]) {
            carry(&mut new["metadata"], &old["metadata"], field);
        }
        match part {
            ObjectPart::Main => {
                resource.strategy.default(&mut new);
                managed::track(resource, part, Some(&old), &mut new, &options.writer)?;
                resource.strategy.prepare_update(&mut new, &old, self.version);
            }
            ObjectPart::Whole => {}
            ObjectPart::EphemeralContainers => {
                let mut merged = old.clone();
                carry(&mut merged["spec"], &new["spec"], "ephemeralContainers");
                new = merged;
                resource.strategy.default(&mut new);
                managed::track(resource, part, Some(&old), &mut new, &options.writer)?;
                resource.strategy.prepare_update(&mut new, &old, self.version);
                resource.valid(&key.name, resource.strategy.validate_ephemeral_containers(&new, &old))?;
            }
            ObjectPart::Status | ObjectPart::Finalize => {
                let field = if part == ObjectPart::Status { "status" } else { "spec" };
                let mut merged = old.clone();
                carry(&mut merged, &new, field);
                merged["metadata"] = new["metadata"].take();
                new = merged;
                if part == ObjectPart::Finalize {
                    resource.strategy.default(&mut new);
                }
                managed::track(resource, part, Some(&old), &mut new, &options.writer)?;
            }
        }
        if part == ObjectPart::Main {
            let mut causes = meta_changes(&new, &old);
            causes.extend(name_errors(resource, &new));
            causes.extend(resource.strategy.validate_update(&new, &old));
            resource.valid(&key.name, causes)?;
        }
        if options.dry_run {
            return Ok(Ok(Arc::new(Object::unstored(resource.shelf(), key.clone(), new))));
        }
        if ready_to_go(resource, &new) {
            return Ok(self.store.delete(resource.shelf(), key, current.revision));
        }
        Ok(self.store.update(resource.shelf(), key, current.revision, new))
    }
}

/// The object was being deleted and nothing holds it any more.
pub(super) fn ready_to_go(resource: &Resource, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let finalizers = metadata["finalizers"].as_array().is_some_and(|f| !f.is_empty());
    metadata["deletionTimestamp"].is_string()
        && !finalizers
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && !resource.strategy.held(object)
}

fn check_preconditions(
    resource: &'static Resource,
    key: &Key,
    current: &Object,
    old: &Value,
    new: &Value,
) -> Result<(), ApiError> {
    let given = &new["metadata"];
    let uid = given["uid"].as_str().filter(|uid| !uid.is_empty());
    let object = (key.namespace.as_str(), key.name.as_str());
    ApiError::precondition(resource.qualified(), object, ("UID", uid, &old["metadata"]["uid"]))?;
    let asked = given["resourceVersion"].as_str().unwrap_or_default();
    if !asked.is_empty() && asked.parse::<u64>().is_err() {
        return Err(ApiError::Bare(format!("strconv.ParseUint: parsing {asked:?}: invalid syntax")));
    }
    // Of no version in particular: whatever there is, is replaced.
    if !matches!(asked, "" | "0") && asked != current.revision.to_string() {
        return Err(store_error(resource, key, store::Error::Conflict { current: current.revision }));
    }
    Ok(())
}

/// Changes of metadata no update may make (`ValidateObjectMetaUpdate`).
fn meta_changes(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    for field in ["name", "namespace"] {
        if new["metadata"][field] != old["metadata"][field] {
            let value = &new["metadata"][field];
            errors.push(FieldError::invalid(format!("metadata.{field}"), value, "field is immutable"));
        }
    }
    let finalizers = |v: &Value| v["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let before = finalizers(old);
    let added = finalizers(new).into_iter().filter(|f| !before.contains(f)).map(|f| f.to_string());
    let added = added.collect::<Vec<_>>().join(", ");
    if old["metadata"]["deletionTimestamp"].is_string() && !added.is_empty() {
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{added}}}"
        );
        errors.push(FieldError::forbidden("metadata.finalizers", detail));
    }
    errors
}
