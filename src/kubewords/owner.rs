//! Which object controls another: the one reference of its owners' that says so. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

/// The reference to the object's controller; None where nothing controls it.
pub(crate) fn controller(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))
}

/// Whether the object's controller is of that kind and name.
pub(crate) fn is_controlled_by(metadata: &ObjectMeta, kind: &str, name: &str) -> bool {
    controller(metadata).is_some_and(|owner| owner.kind == kind && owner.name == name)
}
