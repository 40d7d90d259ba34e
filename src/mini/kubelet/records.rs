//! What the node remembers of the credentials images were pulled with (`pkg/kubelet/images/pullmanager`):
//! since 1.35 a pod gets at an image on the node only with credentials that were good for it before.
//! Pure; does not pull.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::registry::Credentials;

/// A Secret's coordinates and a hash of the login taken from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretRecord {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub hash: String,
}

impl SecretRecord {
    #[must_use]
    pub(super) fn new(namespace: &str, name: &str, uid: &str, credentials: &Credentials) -> Self {
        let mut hash = Sha256::new();
        // Lengths first, so that no two logins hash alike.
        for part in [credentials.username.as_str(), credentials.password.expose()] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let hash = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { namespace: namespace.to_owned(), name: name.to_owned(), uid: uid.to_owned(), hash }
    }

    fn same_secret(&self, other: &Self) -> bool {
        (&self.namespace, &self.name, &self.uid) == (&other.namespace, &other.name, &other.uid)
    }
}

/// Who may use an image pulled under one repository name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// Pulled anonymously: any pod of the node.
    Everybody,
    /// Pods that bring one of these.
    Secrets(Vec<SecretRecord>),
}

/// Image id → repository → access. An image without a record was there before the kubelet (preloaded).
#[derive(Debug, Default)]
pub(super) struct PullRecords {
    images: BTreeMap<String, BTreeMap<String, Access>>,
}

impl PullRecords {
    /// Notes a successful pull; `secret` is where the credentials came from, None for an anonymous pull.
    pub(super) fn pulled(&mut self, image_id: &str, repository: &str, secret: Option<SecretRecord>) {
        let access = self.images.entry(image_id.to_owned()).or_default().entry(repository.to_owned());
        let access = access.or_insert_with(|| Access::Secrets(Vec::new()));
        match (secret, &mut *access) {
            (None, _) => *access = Access::Everybody,
            (Some(_), Access::Everybody) => {}
            (Some(secret), Access::Secrets(known)) => {
                known.retain(|known| !known.same_secret(&secret));
                known.push(secret);
            }
        }
    }

    /// Must a pod with these credentials pull to prove its access (`MustAttemptImagePull` under the default
    /// policy, `NeverVerifyPreloadedImages`)? A known Secret or login is noted along with what it matched.
    pub(super) fn must_pull(&mut self, image_id: &str, repository: &str, secrets: &[SecretRecord]) -> bool {
        let Some(record) = self.images.get_mut(image_id) else {
            return false;
        };
        match record.get_mut(repository) {
            None => true,
            Some(Access::Everybody) => false,
            Some(Access::Secrets(known)) => {
                let fits = |secret: &&SecretRecord| {
                    known.iter().any(|known| known.hash == secret.hash || known.same_secret(secret))
                };
                let Some(secret) = secrets.iter().find(fits).cloned() else {
                    return true;
                };
                known.retain(|known| !known.same_secret(&secret));
                known.push(secret);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, password: &str) -> SecretRecord {
        SecretRecord::new("ns", name, name, &Credentials::new("u", password))
    }

    #[test]
    fn access_follows_the_secret_or_its_login() {
        let mut records = PullRecords::default();
        assert!(!records.must_pull("id", "r", &[]), "preloaded images are free to all");
        records.pulled("id", "r", Some(secret("a", "right")));
        assert!(records.must_pull("id", "r", &[]));
        assert!(records.must_pull("id", "r", &[secret("b", "wrong")]));
        assert!(records.must_pull("id", "other", &[secret("a", "right")]), "another name for the same image");
        assert!(!records.must_pull("id", "r", &[secret("b", "wrong"), secret("c", "right")]));
        assert!(!records.must_pull("id", "r", &[secret("a", "changed")]), "the same Secret, whatever it holds now");
        assert!(!records.must_pull("id", "r", &[secret("d", "changed")]), "and that login is known from then on");
        records.pulled("id", "r", None);
        assert!(!records.must_pull("id", "r", &[]));
        records.pulled("id", "r", Some(secret("z", "z")));
        assert!(!records.must_pull("id", "r", &[]), "what was open stays open");
    }
}
