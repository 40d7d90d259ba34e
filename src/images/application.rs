//! The labs' application image and the base it is built on. Knows how to build them; not where they are pushed.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::error::Result;
use super::ladder::FoundImage;
use super::lecture::Application;
use super::pip::{BUNDLE, HostNetwork};
use crate::docker::{self, BuildRequest, ContextFile, Docker, ImageInfo, OnProgress, labels, pack};

const BASE_REPOSITORY: &str = "rehearsal/base";

/// The host's CA bundle and pip settings on top of the image that was found. pip's own bytecode, useless in the
/// application, would grow each image by a fifth.
const BASE_DOCKERFILE: &str = "\
ARG BASE
FROM ${BASE}
ADD host.tar /
ENV PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
";

/// What an application is built on, and with what.
#[derive(Clone)]
pub struct Base {
    /// What the application's Dockerfile gets as `BASE`.
    pub image: String,
    /// The network of build steps.
    network: Option<String>,
    /// Proxies as build arguments.
    args: BTreeMap<String, String>,
}

impl Base {
    /// The base on the image that the ladder found; built once for each image, CA bundle and pip configuration.
    ///
    /// # Errors
    /// Where Docker fails, and where pip's settings hold credentials.
    pub async fn ensure(docker: &Docker, found: &FoundImage, progress: OnProgress<'_>) -> Result<Self> {
        let host = HostNetwork::of_this_host()?;
        let missing = || docker::Error::NotFound { kind: "image", name: found.image.clone() };
        let id = docker.image(&found.image).await?.ok_or_else(missing)?.id;
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
                    ContextFile::new("host.tar", pack(&files)?),
                ],
                dockerfile: "Dockerfile".into(),
                tag: image.clone(),
                args: BTreeMap::from([("BASE".into(), found.image.clone())]),
                labels: BTreeMap::from([(labels::CACHE.into(), "base".into())]),
                network: network.clone(),
                no_cache: false,
            };
            docker.build(request, progress).await?;
        }
        Ok(Self { image, network, args: host.proxies })
    }

    /// A build of `context` on the base; the caller may add labels. Equal contexts share their layers with
    /// [`Application::cached`].
    pub fn request(&self, context: Vec<ContextFile>, dockerfile: &str, tag: &str) -> BuildRequest {
        let mut args = self.args.clone();
        args.insert("BASE".into(), self.image.clone());
        BuildRequest {
            context,
            dockerfile: dockerfile.into(),
            tag: tag.into(),
            args,
            labels: BTreeMap::new(),
            network: self.network.clone(),
            no_cache: false,
        }
    }

    /// Builds the application into the cache; warm, that takes as long as asking the builder.
    ///
    /// # Errors
    /// Where its files cannot be read or do not build.
    pub async fn build(
        &self,
        docker: &Docker,
        application: &Application,
        progress: OnProgress<'_>,
    ) -> Result<ImageInfo> {
        let mut request = self.request(application.context()?, "Dockerfile", &application.cached());
        request.labels.insert(labels::CACHE.into(), "application".into());
        Ok(docker.build(request, progress).await?)
    }
}

/// On a Linux engine build steps share the host's network: there a proxy on loopback and the host's own name
/// servers work, and no address translation is needed. An engine inside a virtual machine (Docker Desktop) has its
/// own idea of the host.
async fn build_network(docker: &Docker) -> Result<Option<String>> {
    let engine = docker.engine().await?;
    let native = cfg!(target_os = "linux") && !engine.os.contains("Docker Desktop");
    Ok(native.then(|| "host".to_owned()))
}
