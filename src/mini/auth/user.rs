//! Who asks: a name and groups, as RBAC knows them.

use serde_json::Value;

/// The group that may do everything (`user.SystemPrivilegedGroup`).
pub(crate) const MASTERS: &str = "system:masters";

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub name: String,
    pub groups: Vec<String>,
    /// What else a token says of its holder: `uid` and `extra`, as reviews show them.
    pub more: Value,
}

impl User {
    /// The cluster's administrator.
    pub(crate) fn admin() -> Self {
        let groups = vec![MASTERS.to_owned(), "system:authenticated".to_owned()];
        User { name: "mini-admin".to_owned(), groups, more: Value::Null }
    }

    pub(crate) fn service_account(namespace: &str, name: &str) -> Self {
        let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}"), "system:authenticated"];
        let name = format!("system:serviceaccount:{namespace}:{name}");
        User { name, groups: groups.map(str::to_owned).to_vec(), more: Value::Null }
    }
}
