//! Bearer tokens into users.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::{Tokens, User};
use crate::mini::pipeline::Pipeline;
use crate::mini::status::ApiError;
use crate::secret::Secret;

/// Knows the administrator's token and the tokens of ServiceAccounts.
pub struct Authenticator {
    pub admin_token: Secret,
    pub tokens: Tokens,
}

impl Authenticator {
    pub fn user(&self, pipeline: &Pipeline, headers: &HeaderMap) -> Result<User, ApiError> {
        let header = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let (scheme, token) = header.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::Unauthorized);
        }
        self.holder(pipeline, token.trim()).ok_or(ApiError::Unauthorized)
    }

    /// Whose token it is, if it is anybody's.
    pub fn holder(&self, pipeline: &Pipeline, token: &str) -> Option<User> {
        if token == self.admin_token.expose() { Some(User::admin()) } else { self.tokens.verify(pipeline, token) }
    }
}
