//! The watch that is open before any command runs: pods and events of all namespaces that its client sees → traces.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Event as KubeEvent, Pod};
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::event::{Event, Events, millis};
use crate::exec::chain;
use crate::hint::Hint;
use crate::kubewords::is_system_namespace;
use crate::observe::{Recorder, Trace};

/// Traces of everything that happens while it is open.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    changes: watch::Receiver<u64>,
    /// Also ends the tasks when the watch is dropped unclosed, as on an interrupt.
    stop: DropGuard,
    tasks: TaskTracker,
}

struct Shared {
    recorder: Mutex<Recorder>,
    changed: watch::Sender<u64>,
    events: Events,
    lab: u32,
    /// Since when, and why, deliveries do not come; None while they do.
    broken: Mutex<Option<(Instant, String)>>,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot watch the cluster")]
pub(crate) struct NotWatching(#[source] Box<watcher::Error>);

impl Hint for NotWatching {
    fn hint(&self) -> Option<String> {
        Some("may this user watch pods and events there? `kubectl auth can-i watch events -A` tells".into())
    }
}

impl Shared {
    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps when deliveries ceased, and wakes whoever waits for one. None means that they come.
    fn broken(&self, why: Option<String>) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = broken.is_some() || why.is_some();
        *broken = why.map(|why| (broken.as_ref().map_or_else(Instant::now, |(since, _)| *since), why));
        drop(broken);
        if changes {
            self.changed.send_modify(|n| *n += 1);
        }
    }

    /// Records a delivery; news is told at once, and whoever waits is woken.
    fn record(&self, deliver: impl FnOnce(&mut Recorder, Instant) -> Option<Event>) {
        let told = deliver(&mut self.recorder(), Instant::now());
        if let Some(event) = told {
            self.events.emit(event);
        }
        self.changed.send_modify(|n| *n += 1);
    }
}

/// The cluster's own pods are nobody's lab.
fn is_system(object: &impl ResourceExt) -> bool {
    object.namespace().is_some_and(|namespace| is_system_namespace(&namespace))
}

impl Watch {
    /// Opens the watch and returns once it delivers. A server that fails is asked again for a while.
    ///
    /// # Errors
    /// Where the cluster refuses to be watched, or goes on failing.
    pub(crate) async fn open(client: &Client, events: Events, lab: u32) -> Result<Self, NotWatching> {
        let (changed, changes) = watch::channel(0);
        let shared = Arc::new(Shared { recorder: Mutex::default(), changed, events, lab, broken: Mutex::default() });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        // Where one of the two does not open, the other ends with this, too.
        let ends = stop.clone().drop_guard();
        let pods = |api: Api<Pod>| {
            follow(api, shared.clone(), &stop, &tasks, |shared, pod, gone| {
                shared.record(|recorder, now| {
                    let trace = if gone { recorder.pod_deleted(&pod, now) } else { recorder.pod(&pod, now) };
                    trace.and_then(|trace| newest_state(trace, shared.lab))
                });
            })
        };
        let events = |api: Api<KubeEvent>| {
            follow(api, shared.clone(), &stop, &tasks, |shared, event, gone| {
                if !gone {
                    shared.record(|recorder, now| {
                        let trace = recorder.event(&event, now)?;
                        told_event(trace, shared.lab)
                    });
                }
            })
        };
        tokio::try_join!(pods(Api::all(client.clone())), events(Api::all(client.clone())))?;
        tasks.close();
        Ok(Self { shared, changes, stop: ends, tasks })
    }

    /// Wakes at each delivery.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Looks at the traces; keep it short, deliveries wait.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Recorder) -> T) -> T {
        at(&self.shared.recorder())
    }

    /// Puts what a registry has answered into the trace of a pod.
    pub(crate) fn testify(&self, uid: &str, lane: &[String]) {
        self.shared.recorder().testify(uid, lane);
    }

    /// Why nothing is seen of the cluster, once that has been so for `at_least`; None while it is watched.
    pub(crate) fn cut(&self, at_least: Duration) -> Option<String> {
        let broken = self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner);
        broken.as_ref().filter(|(since, _)| since.elapsed() >= at_least).map(|(_, why)| why.clone())
    }

    /// The traces of every pod seen so far; a late event of a pod that is no more makes none.
    pub(crate) fn traces(&self) -> Vec<Trace> {
        self.look(|recorder| recorder.traces().filter(|trace| !trace.states.is_empty()).cloned().collect())
    }

    pub(crate) async fn close(self) {
        drop(self.stop);
        self.tasks.wait().await;
    }
}

/// The newest state of a trace as an event for readers.
fn newest_state(trace: &Trace, lab: u32) -> Option<Event> {
    let state = trace.last()?;
    Some(Event::ObjectState {
        lab,
        object: trace.object.to_string(),
        uid: trace.uid.clone(),
        status: state.status.clone(),
        at_object_ms: millis(state.at),
        reason: state.message.clone(),
        without: None,
    })
}

/// The newest of Kubernetes' own events in a trace as an event for readers.
fn told_event(trace: &Trace, lab: u32) -> Option<Event> {
    let event = trace.events.last()?;
    Some(Event::ObjectTold {
        lab,
        object: trace.object.to_string(),
        uid: trace.uid.clone(),
        reason: event.reason.clone(),
        class: event.type_.clone(),
        message: event.message.clone(),
        count: event.count,
        at_object_ms: millis(event.at),
    })
}

/// Follows one kind until told to stop; returns once the list before the watch has been delivered.
async fn follow<K>(
    api: Api<K>,
    shared: Arc<Shared>,
    stop: &CancellationToken,
    tasks: &TaskTracker,
    deliver: impl Fn(&Shared, K, bool) + Send + 'static,
) -> Result<(), NotWatching>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let seen = shared.clone();
    let mut stream = watcher(api, watcher::Config::default()).boxed();
    let mut listed = false;
    let mut take = move |event: watcher::Event<K>| match event {
        // What was there before is not the lab's; later lists fill a gap in the watch.
        watcher::Event::InitApply(_) if !listed => false,
        watcher::Event::Apply(object) | watcher::Event::InitApply(object) => {
            if !is_system(&object) {
                deliver(&shared, object, false);
            }
            false
        }
        watcher::Event::Delete(object) => {
            if !is_system(&object) {
                deliver(&shared, object, true);
            }
            false
        }
        watcher::Event::Init => false,
        watcher::Event::InitDone => {
            listed = true;
            true
        }
    };
    let opens_until = tokio::time::Instant::now() + OPENS_WITHIN;
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => {
                if take(event) {
                    break;
                }
            }
            Err(error) if refuses(&error) || tokio::time::Instant::now() > opens_until => {
                return Err(NotWatching(Box::new(error)));
            }
            Err(_) => tokio::time::timeout(RETRY, stop.cancelled()).await.unwrap_or(()),
        }
    }
    let (stop, seen) = (stop.clone(), seen);
    tasks.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                event = stream.next() => match event {
                    Some(Ok(event)) => {
                        // `Init` only says that a list is asked for, not that the cluster answers.
                        if !matches!(event, watcher::Event::Init) {
                            seen.broken(None);
                        }
                        take(event);
                    }
                    // The stream restarts by itself: with a new list, after a pause where the server refuses.
                    Some(Err(error)) => {
                        seen.broken(Some(reason(&error)));
                        tokio::time::timeout(RETRY, stop.cancelled()).await.unwrap_or(());
                    }
                    None => return,
                },
            }
        }
    });
    Ok(())
}

/// The API server's own message, or else the whole chain of the error.
fn reason(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, WatchError, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchError(status) => status.message.clone(),
        other => chain(other),
    }
}

/// Whether asking again would be in vain.
fn refuses(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let refused = |status: &kube::core::Status| (400..500).contains(&status.code) && status.code != 429;
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchError(status) => refused(status),
        InitialListFailed(_) | WatchStartFailed(_) | WatchFailed(_) => false,
        watcher::Error::NoResourceVersion => true,
    }
}

/// How long a broken watch rests before it is opened again.
const RETRY: Duration = Duration::from_millis(200);
/// How long a server may fail before a watch that was never open is given up.
const OPENS_WITHIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;
    use axum::routing::get;
    use serde_json::json;

    use super::*;

    /// A cluster without pods, that answers so to the first requests for events.
    fn cluster(code: StatusCode, times: usize) -> Client {
        let list = |kind: &str| {
            let metadata = json!({"resourceVersion": "1"});
            axum::Json(json!({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": []})).into_response()
        };
        let asked = Arc::new(AtomicUsize::new(0));
        let events = async move || match asked.fetch_add(1, Ordering::Relaxed) {
            n if n < times => {
                let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "m",
                                    "reason": "r", "code": code.as_u16()});
                (code, axum::Json(status)).into_response()
            }
            _ => list("EventList"),
        };
        let pods = async move || list("PodList");
        Client::new(Router::new().route("/api/v1/pods", get(pods)).route("/api/v1/events", get(events)), "default")
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_fails_is_asked_again_and_one_that_refuses_is_not() {
        for (code, times, opens) in [(500, 3, true), (503, usize::MAX, false), (403, 1, false)] {
            let (events, mut told) = Events::channel();
            let watch = Watch::open(&cluster(StatusCode::from_u16(code).unwrap(), times), events, 1).await;
            assert_eq!(watch.is_ok(), opens, "{code}");
            if let Ok(watch) = watch {
                watch.close().await;
            }
            // Nobody is left who could tell anything.
            let end = tokio::time::timeout(Duration::from_secs(60), told.recv()).await;
            assert!(matches!(end, Ok(None)), "{code}: {end:?}");
        }
    }
}
