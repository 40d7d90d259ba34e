//! containerd's words around a failed pull, as its CRI service puts them and the kubelet shows them.

use super::PullError;
use crate::registry::{self, ImageRef};

/// `failed to pull and unpack image … failed to resolve reference …`. The kubelet strips gRPC's prefix from
/// errors of unknown code only, so *not found* keeps its own.
pub fn unresolved(reference: &ImageRef, error: &registry::Error) -> PullError {
    let name = reference.canonical();
    let code = if error.is_not_found() { "rpc error: code = NotFound desc = " } else { "" };
    let cause = error.chain();
    let message =
        format!("{code}failed to pull and unpack image {name:?}: failed to resolve reference {name:?}: {cause}");
    PullError { message }
}

/// A pull that failed after its reference was resolved.
pub fn unpulled(reference: &ImageRef, cause: &str) -> PullError {
    let name = reference.canonical();
    PullError { message: format!("failed to pull and unpack image {name:?}: {cause}") }
}

/// A name that reached the runtime although the kubelet should have refused it.
pub fn unparsed(image: &str, error: &registry::InvalidReference) -> PullError {
    PullError { message: format!("failed to parse image reference {image:?}: {error}") }
}
