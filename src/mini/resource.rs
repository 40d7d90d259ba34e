//! What one resource is to every layer above the store: a row of [`crate::mini::resources`]. Owns the row's
//! type and the strategy trait; must not know any particular kind.

use serde_json::Value;

use super::Version;
use super::status::{ApiError, FieldError, Qualified};
use super::store::Shelf;
use super::table::TablePrinter;

/// How requests for a resource are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serving {
    /// From the store.
    Stored,
    /// Listed in discovery and always empty: mini runs no controller for it.
    Empty,
    /// Nothing is kept: a create is a question.
    Review,
}

/// What names of a kind must look like (apimachinery `util/validation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// RFC 1123 label, at most 63 characters.
    Label,
    /// RFC 1123 subdomain, at most 253 characters.
    Subdomain,
    /// One path segment (RBAC).
    PathSegment,
}

/// A part of an object with an address of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subresource {
    pub name: &'static str,
    pub kind: &'static str,
    /// Empty: the parent's group and version.
    pub group: &'static str,
    pub version: &'static str,
    pub verbs: &'static [&'static str],
}

/// A row of the resource table.
pub(crate) struct Resource {
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub short: &'static [&'static str],
    pub categories: &'static [&'static str],
    pub namespaced: bool,
    pub verbs: &'static [&'static str],
    pub subresources: &'static [Subresource],
    pub serving: Serving,
    /// What field selectors may name besides an object's name and namespace.
    pub fields: &'static [&'static str],
    pub names: NameRule,
    pub strategy: &'static dyn Strategy,
    pub printer: TablePrinter,
    /// The kind's schema, registered with a generator.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
    /// Whether an object reads back as the kind's type: typed clients fail on one that does not.
    pub reads: fn(&Value) -> Result<(), String>,
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.api_version(), self.plural)
    }
}

impl Resource {
    pub(crate) fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    pub(crate) fn singular(&self) -> String {
        self.kind.to_lowercase()
    }

    /// Where the store keeps the objects; nothing is ever put there for kinds that are not stored.
    pub(crate) const fn shelf(&self) -> Shelf {
        Shelf { name: self.plural, fields: self.fields }
    }

    /// `pods`, `roles.rbac.authorization.k8s.io`: how messages name the resource.
    pub(crate) const fn qualified(&self) -> Qualified<'static> {
        Qualified { name: self.plural, group: self.group }
    }

    /// Refuses an object that has faults.
    pub(crate) fn valid(&self, name: &str, causes: Vec<FieldError>) -> Result<(), ApiError> {
        let kind = Qualified { name: self.kind, group: self.group };
        if causes.is_empty() { Ok(()) } else { Err(ApiError::Invalid { kind, name: name.to_owned(), causes }) }
    }

    pub(crate) fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }
}

/// What becomes of the dependents of an object that is deleted (`metav1.DeletionPropagation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They stay, without this owner.
    Orphan,
    /// They are deleted once the object is gone.
    Background,
    /// The object stays until those that block it are gone.
    Foreground,
}

/// What is particular to a kind, as pure functions on its JSON (Kubernetes' `rest.RESTCreateStrategy` and
/// `RESTUpdateStrategy`). Objects arrive decoded: known fields only, of the right types.
pub(crate) trait Strategy: Sync {
    /// Fills in what the client may leave out.
    fn default(&self, _object: &mut Value) {}
    /// Clears what a client may not set at creation.
    fn prepare_create(&self, _object: &mut Value, _version: Version) {}
    fn validate(&self, _object: &Value) -> Vec<FieldError> {
        vec![]
    }
    /// What a new object has that is allowed and hardly meant (`WarningsOnCreate`).
    fn warnings(&self, _object: &Value) -> Vec<String> {
        vec![]
    }
    /// Carries over what an update may not touch.
    fn prepare_update(&self, new: &mut Value, old: &Value, _version: Version) {
        carry(new, old, "status");
    }
    fn validate_update(&self, new: &Value, _old: &Value) -> Vec<FieldError> {
        self.validate(new)
    }
    /// Judges what is added to a pod that is there.
    fn validate_ephemeral_containers(&self, _new: &Value, _old: &Value) -> Vec<FieldError> {
        vec![]
    }
    /// Seconds a deleted object is to linger, asked for `requested`.
    fn grace(&self, _object: &Value, _requested: Option<i64>) -> i64 {
        0
    }
    /// A first deletion only marks the object; it goes once this is false (namespaces wait for their finalizers).
    fn held(&self, _object: &Value) -> bool {
        false
    }
    /// Marks an object that is being deleted and held.
    fn mark_deleted(&self, _object: &mut Value) {}
    /// What becomes of an object's dependents where its deletion does not say.
    fn propagation(&self) -> Propagation {
        Propagation::Background
    }
    /// DELETE answers with the object instead of a `Status`.
    fn returns_deleted(&self) -> bool {
        false
    }
}

/// The strategy of kinds with nothing particular.
pub(crate) struct Plain;

impl Strategy for Plain {}

/// Makes `new[field]` what it is in `old`, absent included.
pub(crate) fn carry(new: &mut Value, old: &Value, field: &str) {
    if let Some(map) = new.as_object_mut() {
        match old.get(field) {
            Some(value) => drop(map.insert(field.to_owned(), value.clone())),
            None => drop(map.shift_remove(field)),
        }
    }
}
