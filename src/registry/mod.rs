//! The registry's side of the world: credentials, bcrypt htpasswd, dockerconfigjson, image references,
//! a small distribution v2 client, access-log reading,
//! tokens in Docker Hub's manner and the service that gives them. Knows nothing of pods, nor of who runs the registry.

pub mod access_log;
mod authorizer;
pub(crate) mod client;
pub(crate) mod credentials;
mod error;
pub(crate) mod go_base64;
pub(crate) mod keyring;
pub(crate) mod reference;
pub mod token;
mod token_service;

pub(crate) use client::plain_http;
pub use client::{Client, Descriptor, Endpoint, ImageSession};
pub use credentials::Credentials;
pub use error::Error;
pub(crate) use keyring::Keyring;
pub use reference::{ImageRef, InvalidReference};
pub use token_service::{Error as TokenError, Grants, TokenService};
