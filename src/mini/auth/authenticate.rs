//! Bearer tokens into users.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;

use super::Tokens;
use crate::mini::api::Api;
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
    fn user(&self, api: &Api, request: &Request) -> Result<User, ApiError> {
        let header = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let (scheme, token) = header.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::Unauthorized);
        }
        if token.trim() == self.admin_token {
            return Ok(User::admin());
        }
        self.tokens.verify(api, token.trim()).ok_or(ApiError::Unauthorized)
    }
}

/// Puts the [`User`] into every request, or answers 401.
pub fn layer(router: Router, api: Arc<Api>) -> Router {
    router.layer(from_fn(move |mut request: Request, next: Next| {
        let api = api.clone();
        async move {
            match api.authenticator.user(&api, &request) {
                Ok(user) => {
                    request.extensions_mut().insert(user);
                    next.run(request).await
                }
                Err(error) => Response::into_response(error.into_response()),
            }
        }
    }))
}
