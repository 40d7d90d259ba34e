//! Writes events to the API, in order, through the correlator. Knows nothing of why they arise.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as EventObject, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::sync::mpsc;

use super::correlator::{Correlator, Write};
use super::event::ObjectEvent;

/// Who tells.
#[derive(Debug, Clone)]
pub(crate) struct EventSource {
    pub component: &'static str,
    /// The node; controllers have none.
    pub host: String,
    pub timelapse: f64,
}

enum Message {
    Tell { about: Box<ObjectReference>, event: ObjectEvent, at: Timestamp },
    Forget { uid: String },
}

/// The end where events are told; never blocks.
#[derive(Clone)]
pub(crate) struct EventRecorder {
    sender: mpsc::UnboundedSender<Message>,
}

impl EventRecorder {
    /// The recorder and the task that writes; the task ends when the last recorder is dropped.
    pub(crate) fn new(client: kube::Client, source: EventSource) -> (Self, impl Future<Output = ()> + Send + 'static) {
        // Unbounded, for a worker never waits: its back-offs keep its events few, and the writer is as fast as the API.
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender }, write(client, source, receiver))
    }

    /// Tells what happened to an object.
    pub(crate) fn tell(&self, object: &impl kube::Resource<DynamicType = ()>, events: Vec<ObjectEvent>) {
        let resource_version = object.meta().resource_version.clone();
        let about = ObjectReference { resource_version, ..object.object_ref(&()) };
        let about = Box::new(about);
        for event in events {
            // The writer is gone only when the kubelet is.
            let _ = self.sender.send(Message::Tell { about: about.clone(), event, at: Timestamp::now() });
        }
    }

    /// The object is gone: its counts are dropped.
    pub(crate) fn forget(&self, uid: &str) {
        let _ = self.sender.send(Message::Forget { uid: uid.to_owned() });
    }
}

async fn write(client: kube::Client, source: EventSource, mut receiver: mpsc::UnboundedReceiver<Message>) {
    let mut correlators: BTreeMap<String, Correlator> = BTreeMap::new();
    while let Some(message) = receiver.recv().await {
        let (about, event, at) = match message {
            Message::Forget { uid } => {
                correlators.remove(&uid);
                continue;
            }
            Message::Tell { about, event, at } => (about, event, at),
        };
        let of_object = correlators.entry(about.uid.clone().unwrap_or_default());
        let correlator = of_object.or_insert_with(|| Correlator::new(source.timelapse));
        let Some((key, write)) = correlator.correlate(event, at) else { continue };
        let api: Api<EventObject> = Api::namespaced(client.clone(), about.namespace.as_deref().unwrap_or_default());
        // As client-go's recorder: an event that the API refuses (its namespace is going) is dropped.
        match write {
            Write::Create { event, count } => {
                let Some(object) = whole(*about, event, count, &source, at) else { continue };
                if let Ok(EventObject { metadata, .. }) = api.create(&PostParams::default(), &object).await {
                    correlator.created(&key, metadata.name.unwrap_or_default());
                }
            }
            Write::Patch { name, count, message } => {
                let patch = json!({ "count": count, "message": message, "lastTimestamp": Time(at) });
                let _ = api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
            }
        }
    }
}

/// The whole ObjectEvent.
pub(crate) fn whole(
    about: ObjectReference,
    event: ObjectEvent,
    count: i32,
    source: &EventSource,
    at: Timestamp,
) -> Option<EventObject> {
    // client-go names events by the time in nanoseconds, too.
    let name = format!("{}.{:x}", about.name.as_deref().unwrap_or_default(), at.as_nanosecond());
    let component = match source.host.as_str() {
        "" => json!({ "component": source.component }),
        host => json!({ "component": source.component, "host": host }),
    };
    let object = json!({
        "metadata": { "name": name, "namespace": about.namespace },
        "involvedObject": ObjectReference { field_path: event.field_path.clone(), ..about },
        "reason": event.reason,
        "message": event.message,
        "source": component,
        "firstTimestamp": Time(at),
        "lastTimestamp": Time(at),
        "count": count,
        "type": event.kind(),
        "reportingComponent": source.component,
        "reportingInstance": source.host,
    });
    serde_json::from_value(object).ok()
}
