//! The labs' application image and the Python base it is built on. Knows how to build them; not where they are pushed.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::build::{BuildRequest, ContextFile};
use super::error::{Error, Result};
use super::ladder::Found;
use super::pip::{BUNDLE, HostNetwork};
use super::progress::OnProgress;
use super::{Docker, ImageInfo, labels};

/// The name under which the built layers outlive a session.
pub const CACHED: &str = "rehearsal/app1:cache";

const BASE_REPOSITORY: &str = "rehearsal/python-base";

/// The host's CA bundle and pip settings on top of a Python image. pip's own bytecode, useless in the app, would
/// grow each image by a fifth.
const BASE_DOCKERFILE: &str = "\
ARG BASE
FROM ${BASE}
ADD host.tar /
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
";

/// Where and with what an application is built.
#[derive(Clone)]
pub struct PythonBase {
    /// What the app's Dockerfile gets as `BASE`.
    pub image: String,
    /// The network of build steps.
    network: Option<String>,
    /// Proxies as build arguments.
    args: BTreeMap<String, String>,
}

/// The Python base for the image the ladder found; built once for each image, CA bundle and pip configuration.
pub async fn python_base(docker: &Docker, python: &Found, progress: OnProgress<'_>) -> Result<PythonBase> {
    let host = HostNetwork::of_this_host()?;
    let missing = || Error::NotFound { kind: "image", name: python.image.clone() };
    let id = docker.image(&python.image).await?.ok_or_else(missing)?.id;
    let bundle = host.ca_bundle.clone().unwrap_or_default();
    let parts = [id.as_bytes(), BASE_DOCKERFILE.as_bytes(), host.pip_conf.as_bytes(), &bundle];
    let sum = parts.iter().fold(Sha256::new(), |sum, part| sum.chain_update(part).chain_update([0])).finalize();
    let tag: String = sum.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let image = format!("{BASE_REPOSITORY}:{tag}");
    let network = build_network(docker).await?;
    if docker.image(&image).await?.is_none() {
        let mut files = vec![ContextFile::new("etc/pip.conf", host.pip_conf)];
        files.extend(host.ca_bundle.map(|bundle| ContextFile::new(BUNDLE.trim_start_matches('/'), bundle)));
        let request = BuildRequest {
            context: vec![
                ContextFile::new("Dockerfile", BASE_DOCKERFILE),
                ContextFile::new("host.tar", super::build::pack(&files)?),
            ],
            dockerfile: "Dockerfile".into(),
            tag: image.clone(),
            args: BTreeMap::from([("BASE".into(), python.image.clone())]),
            labels: BTreeMap::from([(labels::CACHE.into(), "python-base".into())]),
            network: network.clone(),
            no_cache: false,
        };
        docker.build(request, progress).await?;
    }
    Ok(PythonBase { image, network, args: host.proxies })
}

/// On a Linux engine build steps share the host's network: there a proxy on loopback and the host's own name
/// servers work, and no address translation is needed. An engine inside a virtual machine (Docker Desktop) has its
/// own idea of the host.
async fn build_network(docker: &Docker) -> Result<Option<String>> {
    let engine = docker.engine().await?;
    let native = cfg!(target_os = "linux") && !engine.os.contains("Docker Desktop");
    Ok(native.then(|| "host".to_owned()))
}

/// The project's own build context of the application.
pub fn context() -> Vec<ContextFile> {
    vec![
        ContextFile::new("Dockerfile", include_str!("../../docker/app1/Dockerfile")),
        ContextFile::new("app.py", include_str!("../../docker/app1/app.py")),
    ]
}

/// A build of `context` on the base; the caller may add labels. Equal contexts share their layers with [`CACHED`].
pub fn request(base: &PythonBase, context: Vec<ContextFile>, dockerfile: &str, tag: &str) -> BuildRequest {
    let mut args = base.args.clone();
    args.insert("BASE".into(), base.image.clone());
    BuildRequest {
        context,
        dockerfile: dockerfile.into(),
        tag: tag.into(),
        args,
        labels: BTreeMap::new(),
        network: base.network.clone(),
        no_cache: false,
    }
}

/// Builds the project's own application into the cache; warm, that takes as long as asking the builder.
pub async fn build_app(docker: &Docker, base: &PythonBase, progress: OnProgress<'_>) -> Result<ImageInfo> {
    let mut request = request(base, context(), "Dockerfile", CACHED);
    request.labels.insert(labels::CACHE.into(), "app1".into());
    docker.build(request, progress).await
}
