//! The words of the STATUS column of `kubectl get pods` (kubelet `pkg/kubelet/images/types.go`,
//! `pkg/kubelet/container/sync_result.go` and `pkg/kubelet/kuberuntime`; `printPod` for the others), and what the
//! kubelet's back-off says of its cause.

macro_rules! words {
    ($($name:ident = $word:literal;)*) => {
        $(pub(crate) const $name: &str = $word;)*
        /// All of them: what a guide's expectation is held against. A cluster may have others.
        pub(crate) const ALL: &[&str] = &[$($name),*];
    };
}

words! {
    PENDING = "Pending";
    CONTAINER_CREATING = "ContainerCreating";
    POD_INITIALIZING = "PodInitializing";
    RUNNING = "Running";
    COMPLETED = "Completed";
    SUCCEEDED = "Succeeded";
    FAILED = "Failed";
    ERROR = "Error";
    NOT_READY = "NotReady";
    TERMINATING = "Terminating";
    UNKNOWN = "Unknown";
    DELETED = "Deleted";
    EVICTED = "Evicted";
    OOM_KILLED = "OOMKilled";
    SCHEDULING_GATED = "SchedulingGated";
    ERR_IMAGE_PULL = "ErrImagePull";
    ERR_IMAGE_NEVER_PULL = "ErrImageNeverPull";
    IMAGE_PULL_BACK_OFF = "ImagePullBackOff";
    IMAGE_INSPECT_ERROR = "ImageInspectError";
    INVALID_IMAGE_NAME = "InvalidImageName";
    REGISTRY_UNAVAILABLE = "RegistryUnavailable";
    CRASH_LOOP_BACK_OFF = "CrashLoopBackOff";
    CREATE_CONTAINER_ERROR = "CreateContainerError";
    CREATE_CONTAINER_CONFIG_ERROR = "CreateContainerConfigError";
    RUN_CONTAINER_ERROR = "RunContainerError";
    START_ERROR = "StartError";
    CONTAINER_STATUS_UNKNOWN = "ContainerStatusUnknown";
    DEADLINE_EXCEEDED = "DeadlineExceeded";
}

/// Whether it is a wait for the next attempt.
pub(crate) fn is_back_off(status: &str) -> bool {
    status.ends_with("BackOff")
}

/// What a back-off's message says of `status`, which it follows: of `Back-off pulling image "X": ErrImagePull: CAUSE` the
/// CAUSE (kubelet 1.32 and later).
pub(crate) fn cause_of_back_off<'a>(message: &'a str, status: &str) -> Option<&'a str> {
    Some(message.split_once(&format!(": {status}: "))?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_off_says_its_cause() {
        let message = "Back-off pulling image \"x\": ErrImagePull: no basic auth credentials: ErrImagePull: 2";
        let cause = cause_of_back_off(message, ERR_IMAGE_PULL);
        assert_eq!(cause, Some("no basic auth credentials: ErrImagePull: 2"));
        assert_eq!(cause_of_back_off("Back-off pulling image \"x\"", ERR_IMAGE_PULL), None);
        assert_eq!(cause_of_back_off(message, IMAGE_PULL_BACK_OFF), None);
        assert!(is_back_off(CRASH_LOOP_BACK_OFF) && !is_back_off(ERR_IMAGE_PULL));
    }
}
