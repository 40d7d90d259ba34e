//! In front of every handler: who asks, and whether they may (apiserver `pkg/endpoints/filters`). The decisions are
//! [`auth`]'s.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::{Api, accept};
use crate::mini::auth::{self, User};
use crate::mini::request::{Params, RequestInfo};
use crate::mini::status::ApiError;

/// Puts the [`User`] into every request, or answers 401.
pub(crate) fn authenticated(router: Router, api: Arc<Api>) -> Router {
    router.layer(from_fn_with_state(api, authenticate))
}

async fn authenticate(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let user = api.authenticator.user(&api.pipeline, request.headers());
    pass(user, request, next).await
}

/// Answers 403, or lets the request through as the user it is meant to come from, with what it asks for.
pub(super) async fn authorize(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    // The layer in front has authenticated every request.
    let user = request.extensions().get::<User>().cloned().ok_or(ApiError::Unauthorized);
    let params = Params::new(request.uri());
    let info = RequestInfo::parse(request.method(), request.uri().path(), &params);
    let user = user.and_then(|user| auth::admit(&api.pipeline, user, request.headers(), &info));
    let pretty = info.verb != "watch" && accept::is_pretty(&params, request.headers());
    request.extensions_mut().insert((info, params));
    let response = pass(user, request, next).await;
    if pretty { accept::pretty(response).await } else { response }
}

async fn pass(user: Result<User, ApiError>, mut request: Request, next: Next) -> Response {
    match user {
        Ok(user) => {
            request.extensions_mut().insert(user);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}
