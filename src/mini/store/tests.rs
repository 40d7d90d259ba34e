use serde_json::json;

use super::*;

const PODS: Shelf = Shelf { name: "pods", fields: &["status.phase"] };

fn pod(phase: &str) -> Value {
    json!({"metadata": {"name": "a", "labels": {"app": "x"}}, "status": {"phase": phase}})
}

fn key(name: &str) -> Key {
    Key::new("ns", name)
}

#[test]
fn create_update_delete_move_the_revision_and_check_it() {
    let store = Store::default();
    let first = store.create(PODS, key("a"), pod("Pending")).unwrap();
    assert_eq!((first.revision, first.field("status.phase")), (1, Some("Pending")));
    assert_eq!(first.value()["metadata"]["resourceVersion"], "1");
    assert_eq!(store.create(PODS, key("a"), pod("Pending")).unwrap_err(), Error::Exists);
    let second = store.update(PODS, &key("a"), 1, pod("Running")).unwrap();
    assert_eq!(store.update(PODS, &key("a"), 1, pod("Failed")).unwrap_err(), Error::Conflict { current: 2 });
    assert_eq!(store.update(PODS, &key("a"), 2, second.value()).unwrap().revision, 2, "no change is no write");
    assert_eq!(store.delete(PODS, &key("a"), 2).unwrap().revision, 3);
    assert_eq!(store.get(PODS, &key("a")).unwrap_err(), Error::NotFound);
}

#[test]
fn list_at_an_older_revision_undoes_what_came_after() {
    let store = Store::default();
    store.create(PODS, key("a"), pod("Pending")).unwrap();
    store.create(PODS, key("b"), pod("Pending")).unwrap();
    store.update(PODS, &key("a"), 1, pod("Running")).unwrap();
    store.delete(PODS, &key("b"), 2).unwrap();
    store.create(PODS, key("c"), pod("Pending")).unwrap();
    let then = store.list(PODS, Some("ns"), Some(2), None).unwrap();
    let names: Vec<_> = then.objects.iter().map(|o| (o.key.name.as_str(), o.field("status.phase").unwrap())).collect();
    assert_eq!(names, [("a", "Pending"), ("b", "Pending")]);
    let after = store.list(PODS, None, Some(2), Some(&key("a"))).unwrap();
    assert_eq!(after.objects.len(), 1);
    assert!(matches!(store.list(PODS, None, Some(99), None), Err(Error::Future { .. })));
}

#[tokio::test]
async fn a_watch_sees_every_change_in_order_and_a_slow_one_expires() {
    let store = Arc::new(Store::default());
    store.create(PODS, key("a"), pod("0")).unwrap();
    let (snapshot, mut watch) = store.list_and_watch(PODS, None).unwrap();
    assert_eq!(snapshot.objects.len(), 1);
    for n in 1..=HISTORY as u64 {
        store.update(PODS, &key("a"), n, pod(&n.to_string())).unwrap();
    }
    let batch = watch.next().await.unwrap();
    assert_eq!(batch.len(), HISTORY);
    assert!(batch.windows(2).all(|w| w[0].revision < w[1].revision));
    let mut slow = store.watch(PODS, watch.position()).unwrap();
    for n in 0..=HISTORY as u64 {
        let at = store.revision();
        store.update(PODS, &key("a"), at, pod(&format!("again {n}"))).unwrap();
    }
    assert!(matches!(slow.next().await, Err(Error::Expired { .. })));
    assert!(matches!(store.watch(PODS, 1).unwrap().next().await, Err(Error::Expired { .. })));
}

#[test]
fn a_history_of_large_objects_is_short() {
    let store = Arc::new(Store::default());
    let large = |n: u64| json!({"metadata": {"name": "a"}, "data": format!("{n}{}", "x".repeat(HISTORY_BYTES / 4))});
    store.create(PODS, key("a"), large(0)).unwrap();
    for n in 1..=8 {
        store.update(PODS, &key("a"), n, large(n)).unwrap();
    }
    assert_eq!(store.list(PODS, None, Some(2), None).unwrap_err(), Error::Expired { asked: 2, oldest: 6 });
    assert_eq!(store.list(PODS, None, Some(7), None).unwrap().objects.len(), 1);
}
