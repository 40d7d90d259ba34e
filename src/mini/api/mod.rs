//! The REST interface: one set of handlers over the resource table. Owns paths, verbs, negotiation and streaming;
//! must not know any particular kind but for subresources that are connections.

pub(crate) mod accept;
pub(crate) mod body;
mod discovery;
mod guard;
mod node;
mod pods;
pub(crate) mod protobuf;
mod read;
mod scale;
mod stream;
mod watch;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use http::{Method, StatusCode};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::auth::{self, Authenticator, User};
use super::pipeline::Pipeline;
use super::request::{Params, RequestInfo};
use super::resource::{Resource, Serving};
use super::resources;
use super::runtime::Runtime;
use super::selector::Selector;
use super::status::ApiError;

pub(crate) use guard::authenticated;

/// Everything a handler needs.
pub(crate) struct Api {
    pub pipeline: Pipeline,
    pub runtime: Arc<dyn Runtime>,
    pub authenticator: Authenticator,
    /// Ends open watches and connections.
    pub shutdown: CancellationToken,
}

/// A request for a resource of the table.
struct Call {
    info: RequestInfo,
    params: Params,
    resource: &'static Resource,
    user: User,
}

impl Call {
    fn namespace(&self) -> &str {
        self.info.storage_namespace(self.resource.namespaced)
    }

    fn selector(&self) -> Result<Selector, ApiError> {
        let (labels, fields) = (self.params.get("labelSelector"), self.params.get("fieldSelector"));
        Selector::parse(self.resource, labels, fields)
    }

    fn key(&self) -> super::store::Key {
        super::store::Key::new(self.namespace(), &self.info.name)
    }
}

/// The whole API. Requests carry their [`User`] as an extension: [`guard`] reads it.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let healthy = || async { accept::text(StatusCode::OK, "ok") };
    Router::new()
        .route("/healthz", get(healthy))
        .route("/livez", get(healthy))
        .route("/readyz", get(healthy))
        .route("/", get(discovery::root))
        .route("/.well-known/openid-configuration", get(discovery::openid_configuration))
        .route("/openid/v1/jwks", get(discovery::key_set))
        .route("/version", get(discovery::version))
        .route("/version/", get(discovery::version))
        .route("/openapi/v2", get(discovery::openapi_v2))
        .route("/openapi/v3", get(discovery::openapi_index))
        .route("/openapi/v3/{*path}", get(discovery::openapi))
        .route("/api", get(discovery::core))
        .route("/api/", get(discovery::core))
        .route("/apis", get(discovery::groups))
        .route("/apis/", get(discovery::groups))
        .route("/apis/{group}", get(discovery::group))
        .route("/apis/{group}/", get(discovery::group))
        .route("/api/v1", get(discovery::core_resources))
        .route("/api/v1/", get(discovery::core_resources))
        .route("/apis/{group}/{version}", get(discovery::resources))
        .route("/apis/{group}/{version}/", get(discovery::resources))
        .route("/api/v1/nodes/{node}/proxy/images/{*image}", delete(node::remove_image))
        .fallback(dispatch)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(axum::middleware::from_fn_with_state(api.clone(), guard::authorize))
        .with_state(api)
}

async fn dispatch(State(api): State<Arc<Api>>, request: Request) -> Response {
    serve(api, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn serve(api: Arc<Api>, mut request: Request) -> Result<Response, ApiError> {
    // The layers in front have authenticated, read and authorized every request.
    let extensions = request.extensions_mut();
    let user = extensions.remove::<User>().ok_or(ApiError::Unauthorized)?;
    let (info, params) = extensions.remove::<(RequestInfo, Params)>().ok_or(ApiError::Unauthorized)?;
    if !info.is_resource || !discovery::is_group(&info.group) {
        return Ok(discovery::nowhere());
    }
    if request.method() == Method::HEAD {
        return Err(ApiError::MethodNotAllowed);
    }
    let resource = resources::find(&info.group, &info.version, &info.resource).ok_or(ApiError::NoSuchResource)?;
    let call = Call { info, params, resource, user };
    let served = resource.namespaced || call.info.namespace.is_empty() || resource.plural == "namespaces";
    if !served {
        return Err(ApiError::NoSuchResource);
    }
    if !call.info.subresource.is_empty() {
        return subresource(api, call, request).await;
    }
    if resource.serving == Serving::Empty && !matches!(call.info.verb.as_str(), "get" | "list" | "watch") {
        return Err(ApiError::NeedsFullCluster { resource: resource.qualified() });
    }
    let unnamed = call.info.name.is_empty() && matches!(call.info.verb.as_str(), "update" | "patch");
    if unnamed || !resource.verbs.contains(&call.info.verb.as_str()) {
        return Err(ApiError::MethodNotAllowed);
    }
    match call.info.verb.as_str() {
        "get" => read::get(&api, &call, &request),
        "list" => read::list(&api, &call, &request),
        "watch" => watch::watch(&api, &call, &request),
        "create" if resource.serving == Serving::Review => write::review(&api, &call, request).await,
        "create" => write::create(&api, &call, request).await,
        "update" => write::update(&api, &call, request).await,
        "patch" => write::patch(&api, &call, request).await,
        "delete" => write::delete(&api, &call, request).await,
        _ => write::delete_collection(&api, &call, request).await,
    }
}

async fn subresource(api: Arc<Api>, call: Call, request: Request) -> Result<Response, ApiError> {
    let subresource = call.resource.subresource(&call.info.subresource).ok_or(ApiError::NoSuchResource)?;
    if !subresource.verbs.contains(&call.info.verb.as_str()) {
        return Err(ApiError::MethodNotAllowed);
    }
    match (subresource.name, call.info.verb.as_str()) {
        ("status" | "ephemeralcontainers", "get") => read::get(&api, &call, &request),
        ("status" | "ephemeralcontainers", "patch") => write::patch(&api, &call, request).await,
        ("status" | "finalize" | "ephemeralcontainers", _) => write::update(&api, &call, request).await,
        ("scale", _) => scale::serve(&api, &call, request).await,
        ("log", _) => stream::log(&api, &call).await,
        ("portforward", _) => stream::portforward(api, call, request).await,
        ("attach", _) => stream::attach(api, call, request).await,
        ("exec", _) => stream::exec(api, call, request).await,
        ("eviction", _) => pods::evict(&api, &call, request).await,
        ("binding", _) => pods::bind(&api, &call, request).await,
        ("token", _) => {
            let request = body::value(request, "TokenRequest").await?;
            let granted = auth::token_request(&api.pipeline, &api.authenticator.tokens, &call.info, request)?;
            Ok(accept::json(StatusCode::CREATED, &json!(granted)))
        }
        _ => Err(ApiError::MethodNotAllowed),
    }
}
