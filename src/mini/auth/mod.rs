//! Who asks, and whether they may: bearer tokens and TokenRequest, impersonation, RBAC, access reviews.

mod authenticate;
mod token;

pub use authenticate::{Authenticator, User, layer};
pub use token::{Tokens, token_request};
