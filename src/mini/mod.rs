//! A small Kubernetes in this process. From the bottom up: `schema` (types and strict decoding), `store`, `selector`,
//! `strategy` (defaults, validation and updates of each kind), `resources` (the table of what is served), `pipeline`
//! (how a write is carried out), `auth`, `table`, `api` (HTTP), and `server`. `controllers`, `kubelet` and its `runtime`
//! stand beside: they speak to the API through [`kube::Client`] alone.

pub mod api;
pub mod auth;
pub mod controllers;
mod events;
pub(crate) mod go_json;
pub mod kubelet;
mod label_selector;
mod memory;
mod names;
pub mod pipeline;
pub mod request;
mod requirement;
pub mod resource;
pub mod resources;
pub mod runtime;
pub mod schema;
pub mod selector;
mod server;
pub mod status;
pub mod store;
mod strategy;
pub mod table;
mod timelapse;
mod version;
mod watching;

pub(crate) use server::random_token;
pub use server::{Error, Mini, MiniOptions};
pub use version::{InvalidVersion, Version};

#[cfg(test)]
pub(crate) mod tests;
