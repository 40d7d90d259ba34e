//! Watches as streams of JSON lines: from a resourceVersion, from the current state, or as a streaming list. The
//! reader pulls: what it has not read yet waits in the store's history, not here.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::accept::{Accept, json_bytes};
use super::read::{Form, resource_version};
use super::{Api, Call};
use crate::mini::pipeline::store_error;
use crate::mini::request::Params;
use crate::mini::selector::Selector;
use crate::mini::status::{ApiError, FieldError};
use crate::mini::store::{self, Object, StoredChange};

/// How long a watch lasts when the client does not say.
const TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// How often a client that allows bookmarks gets one.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// Initial objects sent in one chunk.
const CHUNK: usize = 64;

struct Stream {
    form: Form,
    selector: Selector,
    namespace: String,
    initial: VecDeque<Arc<Object>>,
    /// A bookmark is due once `initial` is through.
    ends_initial: bool,
    bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
    source: store::StoreWatch,
    shutdown: CancellationToken,
    /// An error has ended the stream.
    done: bool,
}

pub(super) fn watch(api: &Api, call: &Call, request: &Request) -> Result<Response, ApiError> {
    let accept = Accept::new(request.headers())?;
    let params = &call.params;
    let selector = call.selector()?;
    let streaming = params.flag("sendInitialEvents");
    params.integer("timeoutSeconds")?;
    check_options(params)?;
    let from = resource_version(params.get("resourceVersion")).map_err(ApiError::Bare)?;
    let namespace = call.namespace().to_owned();
    let store = &api.pipeline.store;
    let shelf = call.resource.shelf();
    let (initial, source) = if streaming || from == 0 {
        let within = (!namespace.is_empty()).then_some(namespace.as_str());
        let (snapshot, source) =
            store.list_and_watch(shelf, within).map_err(|e| store_error(call.resource, &call.key(), e))?;
        (snapshot.objects.into(), source)
    } else {
        let source = store.watch(shelf, from).map_err(|e| store_error(call.resource, &call.key(), e))?;
        (VecDeque::new(), source)
    };
    let now = Instant::now();
    // No end that lies beyond the clock's.
    let seconds = params.number("timeoutSeconds").filter(|s| *s > 0).map(|s: u64| s.min(u32::MAX.into()));
    let timeout = seconds.map_or(TIMEOUT, Duration::from_secs);
    let stream = Stream {
        form: Form::new(api, call, accept)?,
        selector,
        namespace,
        initial,
        ends_initial: streaming && params.flag("allowWatchBookmarks"),
        bookmarks: params.flag("allowWatchBookmarks"),
        next_bookmark: now + BOOKMARKS,
        deadline: now + timeout,
        source,
        shutdown: api.shutdown.clone(),
        done: false,
    };
    let body = futures::stream::unfold(stream, |mut stream| async {
        let bytes = stream.next().await?;
        Some((Ok::<_, Infallible>(bytes), stream))
    });
    Ok(json_bytes(StatusCode::OK, Body::from_stream(body)))
}

/// What watches may be asked (`validateWatchOptions`).
fn check_options(params: &Params) -> Result<(), ApiError> {
    let (found, initial) = (params.get("resourceVersionMatch"), params.has("sendInitialEvents"));
    let field = "resourceVersionMatch";
    let cause = match found {
        Some("NotOlderThan") if initial => return Ok(()),
        _ if initial => {
            FieldError::forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        }
        None => return Ok(()),
        Some(_) => FieldError::forbidden(
            field,
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    };
    Err(ApiError::invalid("ListOptions", "meta.k8s.io", cause))
}

impl Stream {
    /// The next lines; `None` ends the response.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.done {
                return None;
            }
            let mut out = vec![];
            if !self.initial.is_empty() {
                self.initial(&mut out);
            } else if std::mem::take(&mut self.ends_initial) {
                self.form.bookmark(&mut out, self.source.position(), true);
            } else {
                tokio::select! {
                    biased;
                    () = self.shutdown.cancelled() => return None,
                    () = sleep_until(self.deadline) => return None,
                    changes = self.source.next() => match changes {
                        Ok(changes) => changes.iter().for_each(|change| self.change(&mut out, change)),
                        Err(error) => {
                            self.done = true;
                            self.form.error(&mut out, error);
                        }
                    },
                    () = sleep_until(self.next_bookmark), if self.bookmarks => {
                        self.next_bookmark += BOOKMARKS;
                        let position = self.source.catch_up();
                        self.form.bookmark(&mut out, position, false);
                    }
                }
            }
            if !out.is_empty() {
                return Some(out.into());
            }
        }
    }

    fn initial(&mut self, out: &mut Vec<u8>) {
        let many = self.initial.len().min(CHUNK);
        for object in self.initial.drain(..many) {
            if self.selector.matches(&object) {
                self.form.event(out, "ADDED", &object);
            }
        }
    }

    /// Selection turns one change into an arrival or a departure.
    fn change(&self, out: &mut Vec<u8>, change: &StoredChange) {
        if !self.namespace.is_empty() && change.object.key.namespace != self.namespace {
            return;
        }
        let is = !change.deleted && self.selector.matches(&change.object);
        let was = change.previous.as_ref().is_some_and(|o| self.selector.matches(o));
        let kind = match (was, is) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return,
        };
        self.form.event(out, kind, &change.object);
    }
}

impl Form {
    fn event(&self, out: &mut Vec<u8>, kind: &str, object: &Object) {
        line(out, kind, &self.put(object));
    }

    fn bookmark(&self, out: &mut Vec<u8>, position: u64, ends_initial: bool) {
        let mut metadata = json!({"resourceVersion": position.to_string(), "creationTimestamp": null});
        if ends_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object =
            json!({"kind": self.resource.kind, "apiVersion": self.resource.api_version(), "metadata": metadata});
        line(out, "BOOKMARK", self.shaped(object).to_string().as_bytes());
    }

    fn error(&self, out: &mut Vec<u8>, error: store::Error) {
        let status = store_error(self.resource, &store::Key::new("", ""), error).to_status();
        line(out, "ERROR", status.to_string().as_bytes());
    }
}

fn line(out: &mut Vec<u8>, kind: &str, object: &[u8]) {
    for part in [b"{\"type\":\"", kind.as_bytes(), b"\",\"object\":", object, b"}\n"] {
        out.extend_from_slice(part);
    }
}
