//! Who asks, and whether they may: bearer tokens and TokenRequest, impersonation, RBAC, access reviews.

mod authenticate;
mod authorize;
mod bootstrap;
mod rbac;
mod review;
mod token;
mod user;

pub(crate) use authenticate::Authenticator;
pub(crate) use authorize::admit;
pub(crate) use bootstrap::objects as bootstrap;
pub(crate) use review::review;
pub(crate) use token::{ISSUER, Tokens, token_request};
pub(crate) use user::{MASTERS, User};
