//! Bearer tokens into users.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::Tokens;
use crate::mini::registry::Registry;
use crate::mini::status::ApiError;

/// The group that may do everything (`user.SystemPrivilegedGroup`).
pub const MASTERS: &str = "system:masters";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub groups: Vec<String>,
}

impl User {
    /// The cluster's administrator.
    pub fn admin() -> Self {
        User { name: "mini-admin".to_owned(), groups: vec![MASTERS.to_owned(), "system:authenticated".to_owned()] }
    }

    pub fn service_account(namespace: &str, name: &str) -> Self {
        let groups = ["system:serviceaccounts", &format!("system:serviceaccounts:{namespace}"), "system:authenticated"];
        User { name: format!("system:serviceaccount:{namespace}:{name}"), groups: groups.map(str::to_owned).to_vec() }
    }
}

/// Knows the administrator's token and the tokens of ServiceAccounts.
pub struct Authenticator {
    pub admin_token: String,
    pub tokens: Tokens,
}

impl Authenticator {
    pub fn user(&self, registry: &Registry, headers: &HeaderMap) -> Result<User, ApiError> {
        let header = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let (scheme, token) = header.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::Unauthorized);
        }
        if token.trim() == self.admin_token {
            return Ok(User::admin());
        }
        self.tokens.verify(registry, token.trim()).ok_or(ApiError::Unauthorized)
    }
}
