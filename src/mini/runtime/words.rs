//! containerd's words around a failed pull, as its CRI service puts them and the kubelet shows them.

use super::{PullError, RuntimeError};
use crate::registry::{self, ImageRef};

/// `failed to pull and unpack image … failed to resolve reference …`. The kubelet strips gRPC's prefix from
/// errors of unknown code only, so *not found* keeps its own.
pub(crate) fn unresolved(reference: &ImageRef, error: &registry::Error) -> PullError {
    let name = reference.canonical();
    let code = if error.is_not_found() { "rpc error: code = NotFound desc = " } else { "" };
    let cause = error.chain();
    let message =
        format!("{code}failed to pull and unpack image {name:?}: failed to resolve reference {name:?}: {cause}");
    PullError { message }
}

/// A pull that failed after its reference was resolved.
pub(crate) fn unpulled(reference: &ImageRef, cause: &str) -> PullError {
    let name = reference.canonical();
    PullError { message: format!("failed to pull and unpack image {name:?}: {cause}") }
}

/// A container that could not be started. The engine says the same as containerd's CRI service, behind words of its
/// own and of its client's.
pub(super) fn unstarted(cause: &str) -> RuntimeError {
    let answered = cause.split_once("responded with status code ").and_then(|(_, rest)| rest.split_once(": "));
    let cause = answered.map_or(cause, |(_, said)| said);
    let task = cause.find("failed to create shim task").map(|at| &cause[at..]);
    let task = task.map(|task| task.trim_end_matches(": unknown"));
    RuntimeError::Failed(task.map_or(cause.to_owned(), |task| format!("failed to create containerd task: {task}")))
}

/// A name that reached the runtime although the kubelet should have refused it.
pub(crate) fn unparsed(image: &str, error: &registry::InvalidReference) -> PullError {
    PullError { message: format!("failed to parse image reference {image:?}: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_command_is_told_as_containerd_tells_it() {
        let runc = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nope\": executable file not found in $PATH";
        let engine = format!(
            "the docker engine failed while starting a container of 127.0.0.1:5000/a@sha256:1: Docker responded with status code 400: failed to create task for container: {runc}: unknown"
        );
        assert_eq!(unstarted(&engine).to_string(), format!("failed to create containerd task: {runc}"));
        assert_eq!(unstarted("x: Docker responded with status code 400: why: so").to_string(), "why: so");
    }
}
