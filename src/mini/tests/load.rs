//! Many objects, many watches, slow readers: nothing is lost, nothing grows.

use std::time::Duration;

use futures::future::join_all;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_watches_see_a_thousand_pods() {
    let server = Arc::new(Server::new().await);
    let watches = (0..100).map(|_| {
        let server = server.clone();
        tokio::spawn(async move { server.watched("namespaces/default/pods?watch=true", 1000).await.lines().count() })
    });
    let watches: Vec<_> = watches.collect();
    for i in 0..1000 {
        server.create("namespaces/default/pods", pod(&format!("p{i}"))).await;
    }
    let seen = tokio::time::timeout(PATIENCE, join_all(watches)).await.unwrap();
    // A watch that fell a whole history behind was told so and ended; the others saw everything.
    assert!(seen.into_iter().all(|count| count.unwrap() >= 1));
    let (_, list) = server.get("namespaces/default/pods").await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1000);
}

#[tokio::test]
async fn a_reader_that_stops_reading_blocks_nobody_and_is_told() {
    let server = Server::new().await;
    let request = Request::builder().uri("/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=1");
    let response = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    server.create("namespaces/default/configmaps", json!({"metadata": {"name": "c"}})).await;
    for i in 0..1200 {
        server.patch("namespaces/default/configmaps/c", "merge", json!({"data": {"i": i.to_string()}})).await;
    }
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(br#"{"type":"ERROR""#), "{first:?}");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_watch_ends_with_the_server() {
    let server = Server::new().await;
    let request = Request::builder().uri("/api/v1/pods?watch=true").body(Body::empty()).unwrap();
    let response = server.router.clone().oneshot(request).await.unwrap();
    server.api.shutdown.cancel();
    let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await.unwrap().unwrap();
    assert!(body.to_bytes().is_empty());
}
