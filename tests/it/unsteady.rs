//! Labs on a cluster that fails now and then: one of fifty answers is a 500, or is cut off. A verdict is right, or says
//! that it cannot be told; it is never wrong.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt as _};
use serde_json::Value;

use crate::program::Ground;

/// How many seeds are played; more with `REHEARSAL_SEEDS`.
const SEEDS: u64 = 8;

#[tokio::test]
async fn on_a_cluster_that_fails_now_and_then_no_verdict_is_wrong() {
    let ground = Ground::new().await;
    let up = ground.rehearse(&["up", "--cluster", "mini", "--json"]).run().await.exits_with(0);
    let up: Value = serde_json::from_str(&up.stdout).unwrap();
    let seeds = std::env::var("REHEARSAL_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 1..=seeds {
        let run =
            ground.rehearse(&["run", "1", "2", "3", "--cluster", "mini", "--json", "--faults", &seed.to_string()]);
        let run = run.run().await;
        let finished = run.events("lab.finished");
        assert_eq!(finished.len(), 3, "seed {seed}: {}", run.stderr);
        for lab in finished {
            let verdict = lab["verdict"].as_str().unwrap();
            assert!(["reproduced", "unstable"].contains(&verdict), "seed {seed}: {lab}");
            *told.entry(verdict.to_owned()).or_default() += 1;
        }
    }
    assert!(told.contains_key("reproduced") && told.contains_key("unstable"), "{told:?}");
    let kubeconfig = Kubeconfig::read_from(up["kubeconfig"].as_str().unwrap()).unwrap();
    let options = KubeConfigOptions::default();
    let client = Client::try_from(Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap()).unwrap();
    let namespaces = Api::<Namespace>::all(client).list(&ListParams::default()).await.unwrap();
    let left: Vec<String> =
        namespaces.iter().map(|one| one.name_any()).filter(|name| name.starts_with("rehearsal-")).collect();
    assert_eq!(left, Vec::<String>::new());
    ground.rehearse(&["down"]).run().await.exits_with(0);
    ground.nothing_is_left(usize::try_from(seeds).unwrap() + 1).await;
}
