//! The registry's side of the world: credentials, bcrypt htpasswd, dockerconfigjson, image references,
//! a small distribution v2 client, access-log reading,
//! tokens in Docker Hub's manner and the service that gives them. Knows nothing of pods, nor of who runs the registry.

pub mod access_log;
mod authorizer;
pub mod client;
pub mod credentials;
mod error;
pub mod go_base64;
pub mod keyring;
pub mod reference;
pub mod token;
mod token_service;

pub use client::{Client, Descriptor, Endpoint, ImageSession, plain_http};
pub use credentials::Credentials;
pub use error::Error;
pub use keyring::Keyring;
pub use reference::{ImageRef, InvalidReference};
pub use token_service::{Error as TokenError, Grants, TokenService};
