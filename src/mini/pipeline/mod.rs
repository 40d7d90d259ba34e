//! The pipeline every write goes through, whatever its kind: decode → default → admit → name → validate → store
//! (apiserver `pkg/registry/rest` and `pkg/registry/generic/registry/store.go`). Owns the order and the errors; must
//! not know HTTP.

pub(crate) mod admission;
mod create;
mod delete;
mod managed;
pub(crate) mod patch;
mod update;

use std::sync::Arc;

use serde_json::Value;

use super::Version;
use super::resource::Resource;
use super::schema::FieldValidation;
use super::status::ApiError;
use super::store::{self, Key, Object, Store};

pub(crate) use create::place;
pub(crate) use delete::{DeleteOptions, Deleted};
pub(crate) use managed::Writer;
pub(crate) use update::ObjectPart;

/// How a write is to be carried out.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteOptions {
    pub dry_run: bool,
    pub field_validation: FieldValidation,
    pub writer: Writer,
}

/// What a write came to.
#[derive(Debug)]
pub(crate) struct Written {
    pub object: Arc<Object>,
    /// For `Warning` headers.
    pub warnings: Vec<String>,
    /// A patch brought the object into being (server-side apply).
    pub created: bool,
}

/// See the module.
pub(crate) struct Pipeline {
    pub store: Arc<Store>,
    pub version: Version,
}

impl Pipeline {
    pub(crate) fn get(&self, resource: &'static Resource, key: &Key) -> Result<Arc<Object>, ApiError> {
        self.store.get(resource.shelf(), key).map_err(|e| store_error(resource, key, e))
    }
}

/// A store's error in the words of the API.
pub(crate) fn store_error(resource: &'static Resource, key: &Key, error: store::Error) -> ApiError {
    let (qualified, name) = (resource.qualified(), key.name.clone());
    match error {
        store::Error::NotFound => ApiError::NotFound { resource: qualified, name },
        store::Error::Exists => ApiError::AlreadyExists { resource: qualified, name },
        store::Error::Conflict { .. } => ApiError::Conflict {
            resource: qualified,
            name,
            why: "the object has been modified; please apply your changes to the latest version and try again"
                .to_owned(),
        },
        store::Error::Expired { asked, oldest } => {
            ApiError::Expired(format!("too old resource version: {asked} ({oldest})"))
        }
        store::Error::Future { asked, current } => ApiError::TooLargeResourceVersion { asked, current },
    }
}

/// Fields of `metadata` that only the server writes.
const SERVER_SIDE: [&str; 6] =
    ["managedFields", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "creationTimestamp", "uid"];

/// `object.metadata` as a map, made when absent.
fn metadata(object: &mut Value) -> &mut serde_json::Map<String, Value> {
    let slot = &mut object["metadata"];
    if !slot.is_object() {
        *slot = Value::Object(serde_json::Map::new());
    }
    let Value::Object(map) = slot else { unreachable!("made an object above") };
    map
}

/// As Kubernetes writes times: whole seconds in UTC.
pub(crate) fn rfc3339(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn now() -> String {
    rfc3339(jiff::Timestamp::now())
}

/// A random (version 4) UUID.
pub(crate) fn new_uid() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76 | 0x3 << 62) | (0x4 << 76 | 0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// `length` characters of the alphabet Kubernetes makes names from (apimachinery `util/rand`).
pub(crate) fn random_suffix(length: usize) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..length).map(|_| char::from(ALPHABET[rand::random_range(0..ALPHABET.len())])).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn uids_are_version_4_uuids() {
        let uid = super::new_uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
        assert!("89ab".contains(&uid[19..20]), "{uid}");
    }
}
