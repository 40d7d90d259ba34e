//! A small Kubernetes in this process. From the bottom up: `schema` (types and strict decoding), `store`, `selector`,
//! `strategy` (defaults, validation and updates of each kind), `resources` (the table of what is served), `pipeline`
//! (how a write is carried out), `auth`, `table`, `api` (HTTP), and `server`. `controllers`, `kubelet` and its `runtime`
//! stand beside: they speak to the API through [`kube::Client`] alone.

pub(crate) mod api;
pub(crate) mod auth;
pub(crate) mod controllers;
mod events;
pub(crate) mod go_json;
pub(crate) mod kubelet;
mod label_selector;
mod names;
pub(crate) mod pipeline;
pub(crate) mod request;
mod requirement;
pub(crate) mod resource;
pub(crate) mod resources;
pub mod runtime;
pub(crate) mod schema;
pub(crate) mod selector;
mod server;
pub(crate) mod status;
pub(crate) mod store;
mod strategy;
pub(crate) mod table;
mod timelapse;
mod version;
mod watching;

pub(crate) use server::random_token;
pub use server::{Error, Mini, MiniOptions};
pub use version::{InvalidVersion, Version};

#[cfg(test)]
pub(crate) mod tests;
