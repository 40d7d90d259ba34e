//! `nodes/NAME/proxy`: what a real cluster's API server hands on to the kubelet. Mini's kubelet answers to one
//! request: taking an image off the node.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use super::Api;

/// `DELETE …/nodes/NAME/proxy/images/REFERENCE`: `crictl rmi`; an absent image is fine.
pub(super) async fn remove_image(State(api): State<Arc<Api>>, Path((_, image)): Path<(String, String)>) -> StatusCode {
    api.runtime.remove_image(&image).await;
    StatusCode::OK
}
