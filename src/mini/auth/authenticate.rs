//! Bearer tokens into users.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::token::ISSUER;
use super::{Tokens, User};
use crate::mini::pipeline::Pipeline;
use crate::mini::status::ApiError;
use crate::secret::Secret;

/// Knows the administrator's token and the tokens of ServiceAccounts.
pub(crate) struct Authenticator {
    pub admin_token: Secret,
    pub tokens: Tokens,
}

impl Authenticator {
    pub(crate) fn user(&self, pipeline: &Pipeline, headers: &HeaderMap) -> Result<User, ApiError> {
        let header = headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let (scheme, token) = header.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::Unauthorized);
        }
        let holder = self.holder(pipeline, token.trim(), &[ISSUER]);
        holder.map(|(user, _)| user).ok_or(ApiError::Unauthorized)
    }

    /// Whose token it is, if it is anybody's for one of `audiences`, and for which of them. The administrator's knows no
    /// audience but this API server.
    pub(crate) fn holder(&self, pipeline: &Pipeline, token: &str, audiences: &[&str]) -> Option<(User, Vec<String>)> {
        if token == self.admin_token.expose() {
            return audiences.contains(&ISSUER).then(|| (User::admin(), vec![ISSUER.to_owned()]));
        }
        self.tokens.verify(pipeline, token, audiences)
    }
}
