//! Stand-ins: images built from Debian packages in place of hub images. Owns the recipes; knows not
//! when a stand-in is called for.

use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use crate::docker::{BuildRequest, ContextFile, Docker, ImageInfo, OnProgress, Progress, labels};
use crate::exec::{Tool, which};

/// A mirror may be slow; a build takes some three seconds otherwise.
const TIMEOUT: Duration = Duration::from_secs(300);
const TOOLS: [&str; 4] = ["apt-get", "apt", "dpkg-deb", "tar"];

const COMMON: &str = include_str!("../../docker/stand-in/rootfs.sh");

/// How one stand-in is made.
struct Recipe {
    script: &'static str,
    /// Dockerfile instructions that give the image the hub image's configuration.
    configuration: &'static [&'static str],
}

/// What a web application imports of the standard library, compiled once. The package's own script, which is not run,
/// would have done it; without it each container spends half a second of a processor on it when it starts.
const COMPILED: &str = r#"RUN ["python3", "-c", "import argparse, asyncio, concurrent.futures.thread, csv, decimal, email.message, hmac, http.cookies, http.server, importlib.metadata, json, logging.config, secrets, ssl, unittest.mock, urllib.request, uuid, xml.etree.ElementTree, zoneinfo"]"#;

const RECIPES: [(&str, Recipe); 2] = [
    (
        super::REGISTRY,
        Recipe {
            script: include_str!("../../docker/stand-in/registry.sh"),
            configuration: &[
                r#"ENTRYPOINT ["registry", "serve"]"#,
                r#"CMD ["/etc/docker/registry/config.yml"]"#,
                "VOLUME /var/lib/registry",
                "EXPOSE 5000",
            ],
        },
    ),
    (
        "python:3.9-slim",
        Recipe {
            script: include_str!("../../docker/stand-in/python.sh"),
            configuration: &[COMPILED, "ENV LANG=C.UTF-8", r#"CMD ["python3"]"#],
        },
    ),
];

fn recipe(image: &str) -> Option<&'static Recipe> {
    RECIPES.iter().find(|(known, _)| *known == image).map(|(_, recipe)| recipe)
}

/// The local name of an image's stand-in: the user's own tags stay what they are.
pub(crate) fn stand_in_of(image: &str) -> String {
    format!("rehearsal/{image}-stand-in")
}

impl Recipe {
    fn digest(&self) -> String {
        let parts = [COMMON, self.script].into_iter().chain(self.configuration.iter().copied());
        let sum = parts.fold(Sha256::new(), |sum, part| sum.chain_update(part).chain_update([0]));
        sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The stand-in if the engine has it and its recipe is still the same, with the reason it was built for.
pub(super) async fn existing(docker: &Docker, image: &str) -> Result<Option<String>> {
    let Some(recipe) = recipe(image) else { return Ok(None) };
    let found = docker.image(&stand_in_of(image)).await?;
    let current = recipe.digest();
    Ok(found
        .filter(|found| label(found, labels::RECIPE) == current)
        .map(|found| label(&found, labels::STAND_IN_REASON)))
}

fn label(image: &ImageInfo, key: &str) -> String {
    image.labels.get(key).cloned().unwrap_or_default()
}

/// Whether a stand-in can be built on this machine; else the first tool that is missing, None where there is no recipe.
pub(super) fn can_be_built(image: &str) -> std::result::Result<(), Option<&'static str>> {
    recipe(image).ok_or(None)?;
    missing_tool().map_or(Ok(()), |tool| Err(Some(tool)))
}

fn missing_tool() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    TOOLS.into_iter().find(|tool| which(tool, &path).is_none())
}

/// Builds the stand-in from packages of the host's own Debian release; `why` is kept on it as a label.
pub(super) async fn build(docker: &Docker, image: &str, why: &str, progress: OnProgress<'_>) -> Result<()> {
    let recipe = recipe(image).ok_or_else(|| Error::NoRecipe { image: image.to_owned(), why: why.to_owned() })?;
    if let Some(tool) = missing_tool() {
        return Err(Error::NoStandIn { image: image.to_owned(), why: why.to_owned(), tool });
    }
    let io = |source| Error::StandInFile { image: image.to_owned(), source };
    TemporaryFile::sweep();
    let rootfs = TemporaryFile::new(image);
    let script = format!("{COMMON}\n{}", recipe.script);
    let step = format!("building {}", stand_in_of(image));
    let tool = Tool::new("sh").args(["-c", &script, "sh"]).arg(&rootfs.0).env("LC_ALL", "C").timeout(TIMEOUT);
    let tool = tool.env("DEBIAN_FRONTEND", "noninteractive");
    let report =
        |detail: &str| progress(Progress { step: step.clone(), detail: detail.to_owned(), ..Progress::default() });
    let output = tool.run_with(|_, line| report(line)).await;
    let failed = |source| Error::StandIn { image: image.to_owned(), source };
    let output = output.map_err(failed)?;
    if !output.success() {
        let printed = format!("{}{}", output.stdout, output.stderr);
        return Err(failed(crate::exec::Error::Failed { program: "sh".into(), code: output.code, printed }));
    }
    report("making an image of it");
    let files = tokio::fs::read(&rootfs.0).await.map_err(io)?;
    let dockerfile = format!("FROM scratch\nADD {ROOTFS} /\n{}\n", recipe.configuration.join("\n"));
    let label = |key: &str, value: &str| (key.to_owned(), value.replace(['\n', '\r'], " "));
    let request = BuildRequest {
        context: vec![ContextFile::new("Dockerfile", dockerfile), ContextFile::new(ROOTFS, files)],
        dockerfile: "Dockerfile".into(),
        tag: stand_in_of(image),
        labels: [
            label(labels::STAND_IN, image),
            label(labels::STAND_IN_REASON, why),
            label(labels::RECIPE, &recipe.digest()),
            label(labels::CACHE, "stand-in"),
        ]
        .into(),
        ..BuildRequest::default()
    };
    docker.build(request, &|_| {}).await?;
    Ok(())
}

/// Its name in the build's context.
const ROOTFS: &str = "rootfs.tar";

/// How the files' names begin; they end with the process that writes them.
const PREFIX: &str = "rehearsal-stand-in-";

/// A file that goes when it is dropped.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(image: &str) -> TemporaryFile {
        let name = |unique: &str| format!("{PREFIX}{}-{unique}.tar", image.replace([':', '/'], "-"));
        TemporaryFile(std::env::temp_dir().join(name(&std::process::id().to_string())))
    }

    /// Those that a killed process has left.
    fn sweep() {
        let entries = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let of = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(".tar")?.rsplit_once('-'));
            let pid = of.and_then(|(_, pid)| pid.parse().ok()).map(nix::unistd::Pid::from_raw);
            if pid.is_some_and(|pid| nix::sys::signal::kill(pid, None) == Err(nix::errno::Errno::ESRCH)) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // It was never made when the build failed early.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipes_digest_tells_recipes_apart_and_is_a_label() {
        let digests = ["registry:2", "python:3.9-slim"].map(|image| recipe(image).unwrap().digest());
        assert_ne!(digests[0], digests[1]);
        assert!(digests.iter().all(|digest| digest.len() == 16), "{digests:?}");
        assert_eq!(can_be_built("nginx"), Err(None), "nobody has a recipe for it");
    }

    #[test]
    fn a_temporary_file_goes_with_its_owner() {
        let file = TemporaryFile::new("registry:2");
        let path = file.0.clone();
        std::fs::write(&path, "x").unwrap();
        drop(file);
        assert!(!path.exists());
        // No process has a number as large as this.
        let left = std::env::temp_dir().join(format!("{PREFIX}x-4194999.tar"));
        std::fs::write(&left, "x").unwrap();
        TemporaryFile::sweep();
        assert!(!left.exists());
    }
}
