//! Creation (apiserver `rest.BeforeCreate`, `Store.Create`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    ObjectPart, Pipeline, SERVER_SIDE, WriteOptions, Written, managed, metadata, new_uid, now, random_suffix,
    store_error,
};
use crate::mini::names;
use crate::mini::resource::Resource;
use crate::mini::schema;
use crate::mini::status::{ApiError, FieldError};
use crate::mini::store::{Key, Object};

/// The longest base that leaves room for a generated suffix.
const MAX_GENERATED_BASE: usize = 58;

impl Pipeline {
    /// Creates an object of `resource` in `namespace` (empty for cluster-scoped kinds) from a client's body.
    pub(crate) fn create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Written, ApiError> {
        let (mut object, mut warnings) = schema::decode(resource, body, options.field_validation)?;
        place(resource, namespace, &mut object)?;
        let given = metadata(&mut object);
        if given.contains_key("resourceVersion") {
            return Err(ApiError::Bare("resourceVersion should not be set on objects to be created".to_owned()));
        }
        for field in SERVER_SIDE.iter().chain(&["generation"]) {
            given.shift_remove(*field);
        }
        generate_name(given);
        given.insert("uid".to_owned(), json!(new_uid()));
        given.insert("creationTimestamp".to_owned(), json!(now()));
        resource.strategy.default(&mut object);
        managed::track(resource, ObjectPart::Main, None, &mut object, &options.writer)?;
        self.admit_create(resource, namespace, &mut object)?;
        resource.strategy.prepare_create(&mut object, self.version);
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut causes = name_errors(resource, &object);
        causes.extend(resource.strategy.validate(&object));
        resource.valid(&name, causes)?;
        warnings.extend(resource.strategy.warnings(&object));
        let key = Key::new(namespace, name);
        let object = if options.dry_run {
            if self.store.get(resource.shelf(), &key).is_ok() {
                return Err(ApiError::AlreadyExists { resource: resource.qualified(), name: key.name });
            }
            Arc::new(Object::unstored(resource.shelf(), key, object))
        } else {
            self.store.create(resource.shelf(), key.clone(), object).map_err(|e| store_error(resource, &key, e))?
        };
        Ok(Written { object, warnings, created: true })
    }
}

/// Makes the body's namespace the request's, which it must not contradict.
pub(crate) fn place(resource: &'static Resource, namespace: &str, object: &mut Value) -> Result<(), ApiError> {
    let metadata = metadata(object);
    let given = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    if resource.namespaced && !given.is_empty() && given != namespace {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiError::BadRequest(message.to_owned()));
    }
    if resource.namespaced {
        metadata.insert("namespace".to_owned(), json!(namespace));
    } else {
        metadata.shift_remove("namespace");
    }
    Ok(())
}

fn generate_name(metadata: &mut serde_json::Map<String, Value>) {
    let named = metadata.get("name").and_then(Value::as_str).is_some_and(|n| !n.is_empty());
    let Some(base) = metadata.get("generateName").and_then(Value::as_str).filter(|b| !b.is_empty() && !named) else {
        return;
    };
    let base: String = base.chars().take(MAX_GENERATED_BASE).collect();
    metadata.insert("name".to_owned(), json!(format!("{base}{}", random_suffix(5))));
}

/// Faults of the object's name and metadata (`ValidateObjectMeta`).
pub(super) fn name_errors(resource: &'static Resource, object: &Value) -> Vec<FieldError> {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().unwrap_or_default();
    if name.is_empty() {
        return vec![FieldError::required("metadata.name", "name or generateName is required")];
    }
    let faults = names::faults(resource.names, name).into_iter();
    let mut errors: Vec<_> = faults.map(|f| FieldError::invalid("metadata.name", &metadata["name"], f)).collect();
    errors.extend(names::label_errors("metadata.labels", &metadata["labels"]));
    errors.extend(names::annotation_errors("metadata.annotations", &metadata["annotations"]));
    errors.extend(names::finalizer_errors("metadata.finalizers", &metadata["finalizers"]));
    errors.extend(names::owner_errors("metadata.ownerReferences", &metadata["ownerReferences"]));
    errors
}
