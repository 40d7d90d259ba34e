//! Who asks, and whether they may: bearer tokens and TokenRequest, impersonation, RBAC, access reviews.

mod authenticate;
mod authorize;
mod bootstrap;
mod rbac;
mod review;
mod token;
mod user;

pub use authenticate::Authenticator;
pub use authorize::admit;
pub use bootstrap::objects as bootstrap;
pub use review::review;
pub use token::{ISSUER, Tokens, token_request};
pub use user::{MASTERS, User};
