//! Labs on a cluster that fails now and then: one of fifty answers is a 500, or is cut off. A verdict is right, or says
//! that it cannot be told; it is never wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use rehearsal::wait::{Probe, Wake, until};

use crate::program::Ground;

/// How many seeds are played; more with `REHEARSAL_SEEDS`.
const SEEDS: u64 = 8;

#[tokio::test]
async fn on_a_cluster_that_fails_now_and_then_no_verdict_is_wrong() {
    let ground = Ground::new().await;
    let stage = ground.up().await;
    let seeds = std::env::var("REHEARSAL_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut sessions = vec![stage.session.clone()];
    for seed in 1..=seeds {
        let run =
            ground.rehearse(&["run", "1", "2", "3", "--cluster", "mini", "--json", "--faults", &seed.to_string()]);
        let run = run.run().await;
        sessions.push(run.session());
        let finished = run.events("lab.finished");
        assert_eq!(finished.len(), 3, "seed {seed}: {}", run.stderr);
        for lab in finished {
            let verdict = lab["verdict"].as_str().unwrap();
            assert!(["reproduced", "unstable"].contains(&verdict), "seed {seed}: {lab}");
            *told.entry(verdict.to_owned()).or_default() += 1;
        }
    }
    assert!(told.contains_key("reproduced") && told.contains_key("unstable"), "{told:?}");
    let namespaces = Api::<Namespace>::all(stage.client().await);
    let gone = async || {
        let all = namespaces.list(&ListParams::default()).await.unwrap();
        let names = all.iter().map(|one| one.name_any()).filter(|name| name.starts_with("rehearsal-"));
        match names.collect::<Vec<_>>() {
            left if left.is_empty() => Probe::Done(()),
            left => Probe::Pending(format!("{left:?}")),
        }
    };
    until("the labs' namespaces to go", Duration::from_secs(30), Wake::Every(Duration::from_millis(50)), gone)
        .await
        .unwrap();
    ground.rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left_of(&sessions).await;
}
