//! Servers on 127.0.0.1 that speak TLS and want a token: certificates, the accept loop, and the kubeconfig that names
//! them. Knows nothing of what is served.

mod listener;
mod pki;

pub(crate) use listener::Error;
pub(crate) use listener::{Listener, kubeconfig};
