//! A small Kubernetes in this process: store → strategies → resource table → registry pipeline → auth → api →
//! controllers and kubelet → server. Each layer knows only the one before it; controllers and kubelet speak
//! to the API through [`kube::Client`] alone.

pub mod api;
pub mod auth;
pub mod controllers;
mod go_json;
pub mod kubelet;
mod names;
mod pki;
pub mod registry;
pub mod request;
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
mod version;
mod watching;

pub use server::{Error, Mini, MiniOptions};
pub use version::{InvalidVersion, Version};

#[cfg(test)]
mod tests;
