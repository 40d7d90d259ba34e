//! `pods/log`.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::StatusCode;

use super::container;
use crate::mini::api::{Api, Call, accept};
use crate::mini::runtime::{Log, LogOptions};
use crate::mini::status::{ApiError, FieldError, Qualified};

pub(crate) async fn log(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let params = &call.params;
    let pod = api.pipeline.get(call.resource, &call.key())?.value();
    let name = container::choose(&pod, params.get("container"))?;
    if pod["spec"]["nodeName"].as_str().unwrap_or_default().is_empty() {
        // Nobody has a log of it yet, which is no error.
        return Ok(accept::text(StatusCode::NO_CONTENT, Body::empty()));
    }
    let id = container::logged(&pod, &name, params.flag("previous"))?;
    let (tail, seconds) = (params.integer("tailLines")?, params.integer("sinceSeconds")?);
    let tail_wrong = tail.filter(|t| *t < 0).map(|t| ("tailLines", t, "must be greater than or equal to 0"));
    let seconds_wrong = seconds.filter(|s| *s < 1).map(|s| ("sinceSeconds", s, "must be greater than 0"));
    if let Some((field, value, detail)) = tail_wrong.or(seconds_wrong) {
        let causes = vec![FieldError::invalid(field, &value.into(), detail)];
        let kind = Qualified { name: "PodLogOptions", group: "" };
        return Err(ApiError::Invalid { kind, name: call.info.name.clone(), causes });
    }
    let since_time = params.get("sinceTime").and_then(|t| t.parse::<jiff::Timestamp>().ok());
    let since = since_time.map(|t| (jiff::Timestamp::now().as_second() - t.as_second()).max(1));
    let options = LogOptions {
        follow: params.flag("follow"),
        tail_lines: tail.and_then(|t| u64::try_from(t).ok()),
        timestamps: params.flag("timestamps"),
        since_seconds: seconds.or(since),
    };
    let scheme = api.runtime.scheme();
    let stream = api.runtime.logs(&id, options).await;
    let stream =
        stream.map_err(|_| ApiError::BadRequest(format!("unable to retrieve container logs for {scheme}://{id}")))?;
    let limited = limited(stream, params.number("limitBytes").unwrap_or(usize::MAX));
    let body = Body::from_stream(limited.take_until(api.shutdown.clone().cancelled_owned()));
    Ok(accept::text(StatusCode::OK, body))
}

/// The first bytes of a log. A followed one ends with them, not with the container.
fn limited(log: Log, limit: usize) -> impl Stream<Item = std::io::Result<Bytes>> {
    futures::stream::unfold((log, limit), |(mut log, left)| async move {
        let chunk = if left == 0 { None } else { log.next().await };
        let chunk = chunk?.map(|mut bytes| bytes.split_to(left.min(bytes.len())));
        let left = left - chunk.as_ref().map_or(0, Bytes::len);
        Some((chunk, (log, left)))
    })
}

#[cfg(test)]
mod tests {
    use futures::stream::{iter, pending};

    use super::*;

    #[tokio::test]
    async fn a_limited_log_ends_at_its_limit() {
        let log = iter(["ab", "cd", "ef"].map(|text| Ok(Bytes::from(text)))).chain(pending()).boxed();
        let seen: Vec<_> = limited(log, 3).map(Result::unwrap).collect().await;
        assert_eq!(seen.concat(), b"abc");
    }
}
