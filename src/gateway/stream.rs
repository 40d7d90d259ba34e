//! Answers as they come in: without what is not seen, and in the lecture's names. Nothing is waited for but the end of a
//! line of a filtered watch, and the end of what may be a name.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use kube::client::Body as UpstreamBody;

use super::back::Pending;
use super::filter::WatchLines;
use super::shared::Shared;

type Failed = Box<dyn std::error::Error + Send + Sync>;

struct Answer {
    shared: Arc<Shared>,
    source: BoxStream<'static, Result<Bytes, Failed>>,
    lines: Option<WatchLines>,
    pending: Pending,
    is_done: bool,
}

/// A stream's body in the lecture's names; `lines` filters a watch.
pub(crate) fn mapped(shared: Arc<Shared>, body: UpstreamBody, lines: Option<WatchLines>) -> Body {
    let source = http_body_util::BodyExt::into_data_stream(body).map(|chunk| chunk.map_err(Failed::from)).boxed();
    let answer = Answer { shared, source, lines, pending: Pending::default(), is_done: false };
    Body::from_stream(futures::stream::unfold(answer, |mut answer| async {
        answer.next().await.map(|chunk| (chunk, answer))
    }))
}

impl Answer {
    /// The next bytes; None ends the answer.
    async fn next(&mut self) -> Option<Result<Bytes, Failed>> {
        while !self.is_done {
            let chunk = tokio::select! {
                biased;
                () = self.shared.shutdown.cancelled() => None,
                chunk = self.source.next() => chunk,
            };
            let out = match chunk {
                Some(Ok(chunk)) => match self.seen(chunk) {
                    Ok(seen) => self.pending.next(&self.shared.known().back, seen),
                    Err(error) => return self.failed(error),
                },
                // An answer that is cut off must not look like one that has ended.
                Some(Err(error)) => return self.failed(error),
                None => {
                    self.is_done = true;
                    self.pending.last(&self.shared.known().back, Bytes::new())
                }
            };
            if !out.is_empty() {
                return Some(Ok(out));
            }
        }
        None
    }

    fn seen(&mut self, chunk: Bytes) -> Result<Bytes, Failed> {
        match &mut self.lines {
            Some(lines) => lines.next(&chunk).map_err(Failed::from),
            None => Ok(chunk),
        }
    }

    fn failed(&mut self, error: Failed) -> Option<Result<Bytes, Failed>> {
        self.is_done = true;
        Some(Err(error))
    }
}
