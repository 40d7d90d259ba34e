//! Builds, tags and removal.

use rehearsal::docker::{BuildRequest, ContextFile, Error};

use super::{Kept, engine, session, shell};

#[tokio::test]
async fn the_engine_says_what_it_is() {
    let engine = engine().await.engine().await.unwrap();
    assert!(!engine.version.is_empty() && engine.api_version.starts_with("1."), "{engine:?}");
    assert!(engine.cpus > 0 && engine.memory > 0 && !engine.storage_driver.is_empty(), "{engine:?}");
}

#[tokio::test]
async fn a_failing_step_is_reported_with_its_output_and_a_good_build_is_labelled_and_removed() {
    session("build", async |docker, labels| {
        let base = shell(&docker).await;
        let tag = format!("rehearsal-test/{:08x}:1", rand::random::<u32>());
        let build = |dockerfile: String| BuildRequest {
            context: vec![ContextFile::new("Dockerfile", dockerfile), ContextFile::new("a.txt", tag.clone())],
            dockerfile: "Dockerfile".into(),
            tag: tag.clone(),
            labels: labels.clone(),
            ..BuildRequest::default()
        };
        let failing = format!("FROM {base}\nADD a.txt /\nRUN echo before it; cat /a.txt /nothing\n");
        let finished = Kept::default();
        let sink = |progress| finished.0.lock().unwrap().push(progress);
        let error = docker.build(build(failing), &sink).await.unwrap_err();
        let Error::Build { step, output, .. } = &error else { panic!("{error:?}") };
        assert_eq!(step, "RUN echo before it; cat /a.txt /nothing");
        assert!(output.join("\n").contains("before it"), "{output:?}");
        assert!(output.join("\n").contains("/nothing"), "{output:?}");
        let first_step =
            finished.0.lock().unwrap().iter().find_map(|p| p.detail.strip_prefix("---> ").map(str::to_owned));
        assert!(docker.image(&base).await.unwrap().unwrap().id.contains(&first_step.unwrap()), "the base stays");
        let added = finished
            .details()
            .iter()
            .rev()
            .find_map(|d| Some(d.strip_prefix("---> ")?.to_owned()).filter(|d| !d.contains(' ')));
        assert_eq!(docker.image(&added.unwrap()).await.unwrap(), None, "a failed build leaves no nameless image");

        let kept = Kept::default();
        let sink = |progress| kept.0.lock().unwrap().push(progress);
        let built = docker.build(build(format!("FROM {base}\nRUN echo well done\n")), &sink).await.unwrap();
        assert!(kept.details().iter().any(|detail| detail == "well done"), "{:?}", kept.details());
        let other = tag.replace(":1", ":2");
        docker.tag(&tag, &other).await.unwrap();
        assert_eq!(docker.image(&other).await.unwrap().unwrap().id, built.id);
        docker.remove_image(&other).await.unwrap();
        docker.remove_image(&other).await.unwrap();
        assert_eq!(docker.image(&other).await.unwrap(), None);
        // The first name goes with the session: its label is on the image.
        assert!(docker.image(&tag).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn tagging_what_is_not_there_names_it() {
    let error = engine().await.tag("rehearsal-test/absent:1", "rehearsal-test/absent:2").await.unwrap_err();
    assert_eq!(error.to_string(), "image rehearsal-test/absent:1 not found");
}
