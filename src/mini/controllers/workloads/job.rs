//! Carries out a Job's sync.

use std::sync::Arc;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Resource as _, ResourceExt as _};
use serde_json::json;
use tokio::time::Instant;

use super::queue::WorkloadKey;
use super::replicaset::{blocking, is_terminating};
use super::run::{Workloads, has_reason, words};
use crate::mini::controllers::job::{TRACKING, counted, decide, noted, tracked};
use crate::mini::controllers::pod::Pod;
use crate::mini::events::ObjectEvent;

impl Workloads {
    pub(super) async fn sync_job(&mut self, key: &WorkloadKey) -> kube::Result<()> {
        let Some(job) = self.jobs.named(&key.namespace, &key.name).cloned() else { return Ok(()) };
        let pods: Vec<Arc<Pod>> = self.pods.controlled_by(&job.uid().unwrap_or_default()).cloned().collect();
        let pods: Vec<&Pod> = pods.iter().map(AsRef::as_ref).collect();
        if job.metadata.deletion_timestamp.is_some() {
            return self.untrack(pods.into_iter()).await;
        }
        let now = Self::now();
        let decision = decide(&job, &pods, now, self.timelapse);
        if let Some(again) = decision.again {
            self.queue.add_at(key.clone(), Instant::now() + again);
        }
        if decision.expired {
            return self.expire(&job).await;
        }
        let mut deleted = 0;
        for pod in &decision.delete {
            self.delete_pod(pod).await?;
            self.tell_of_jobs
                .tell(&*job, vec![ObjectEvent::normal("SuccessfulDelete", format!("Deleted pod: {}", pod.name_any()))]);
            deleted += 1;
        }
        let (made, failure) = self.create_pods(&job, decision.create).await;
        let first = noted(&job, &decision, (made, deleted), now);
        let job = self.write_job(job, &first).await?;
        self.untrack(decision.count.iter().copied()).await?;
        let (last, told) = counted(&first, &decision, now);
        let job = self.write_job(job, &last).await?;
        if let Some((warning, reason, message)) = told {
            let event =
                if warning { ObjectEvent::warning(reason, message) } else { ObjectEvent::normal(reason, message) };
            self.tell_of_jobs.tell(&*job, vec![event]);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Nobody counts the pods of a Job that is gone.
    pub(super) async fn sync_orphans(&mut self, key: &WorkloadKey) -> kube::Result<()> {
        if self.jobs.get(&key.name).is_some() {
            return Ok(());
        }
        let pods: Vec<Arc<Pod>> = self.pods.controlled_by(&key.name).cloned().collect();
        self.untrack(pods.iter().map(AsRef::as_ref)).await
    }

    async fn write_job(
        &mut self,
        job: Arc<Job>,
        status: &k8s_openapi::api::batch::v1::JobStatus,
    ) -> kube::Result<Arc<Job>> {
        if job.status.as_ref() == Some(status) {
            return Ok(job);
        }
        let api: Api<Job> = Api::namespaced(self.client.clone(), &job.namespace().unwrap_or_default());
        let new = Job { status: Some(status.clone()), ..job.as_ref().clone() };
        let written = api.replace_subresource("status", &job.name_any(), &PostParams::default(), &new).await?;
        self.seen_job(Job::clone(&written));
        Ok(Arc::new(written))
    }

    /// Makes pods until one cannot be; how many were made, and what stopped it.
    async fn create_pods(&mut self, job: &Job, wanted: usize) -> (usize, Option<kube::Error>) {
        let template = job.spec.clone().unwrap_or_default().template;
        let of = template.metadata.unwrap_or_default();
        let finalizers = of.finalizers.into_iter().flatten().chain([TRACKING.to_owned()]).collect();
        let pod = core::Pod {
            metadata: ObjectMeta {
                generate_name: Some(format!("{}-", job.name_any())),
                labels: of.labels,
                annotations: of.annotations,
                finalizers: Some(finalizers),
                owner_references: Some(job.controller_owner_ref(&()).map(blocking).into_iter().collect()),
                ..ObjectMeta::default()
            },
            spec: template.spec,
            status: None,
        };
        let api: Api<core::Pod> = Api::namespaced(self.client.clone(), &job.namespace().unwrap_or_default());
        for made in 0..wanted {
            match api.create(&PostParams::default(), &pod).await {
                Ok(pod) => {
                    let message = format!("Created pod: {}", pod.name_any());
                    self.tell_of_jobs.tell(job, vec![ObjectEvent::normal("SuccessfulCreate", message)]);
                    self.seen_pod(Pod::from(pod));
                }
                // Nothing is made in a namespace that is going, and nobody needs to be told.
                Err(error) if is_terminating(&error) => return (made, None),
                Err(error) => {
                    let message = format!("Error creating: {}", words(&error));
                    self.tell_of_jobs.tell(job, vec![ObjectEvent::warning("FailedCreate", message)]);
                    return (made, Some(error));
                }
            }
        }
        (wanted, None)
    }

    /// Lets pods go that are counted, or that nobody will count.
    pub(super) async fn untrack(&mut self, pods: impl Iterator<Item = &Pod>) -> kube::Result<()> {
        for pod in pods.filter(|pod| tracked(pod)) {
            let api: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace().unwrap_or_default());
            let left = pod.metadata.finalizers.iter().flatten().filter(|finalizer| *finalizer != TRACKING);
            let left = Some(left.collect::<Vec<_>>()).filter(|left| !left.is_empty());
            let patch = json!({"metadata": {"uid": pod.uid(), "finalizers": left}});
            match api.patch(&pod.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await {
                Ok(patched) => self.seen_pod(patched),
                Err(error) if has_reason(&error, "NotFound") => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn expire(&mut self, job: &Job) -> kube::Result<()> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), &job.namespace().unwrap_or_default());
        let preconditions = Some(Preconditions { uid: job.uid(), ..Preconditions::default() });
        let options = DeleteParams { preconditions, ..DeleteParams::foreground() };
        match api.delete(&job.name_any(), &options).await {
            Err(error) if !has_reason(&error, "NotFound") => Err(error),
            _ => Ok(()),
        }
    }
}
