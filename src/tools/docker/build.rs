//! Builds, with the lab's own images and what takes the hub's place below them.

use std::path::{Path, PathBuf};

use super::args::Build;
use super::play::{Error, Player};
use super::table::short;
use crate::docker::{self, ContextFile, context, labels};
use crate::files;
use crate::images::{self, Base};
use crate::registry::ImageRef;

/// The Dockerfile's name in the context: it may stand outside of it.
const DOCKERFILE: &str = ".rehearsal-dockerfile";
/// The longest Dockerfile in bytes.
const DOCKERFILE_LENGTH: u64 = 1 << 20;

impl Player {
    pub(super) async fn build(&self, build: Build) -> Result<(), Error> {
        let Some(first) = build.tag.first() else {
            return Err(Error::Usage("a build without -t NAME is not played".into()));
        };
        let tags = build.tag.iter().map(|tag| self.names().image(tag)).collect::<Result<Vec<_>, _>>()?;
        let path = self.readable(&build.path)?;
        let dockerfile = build.file.unwrap_or_else(|| build.path.join("Dockerfile"));
        let text = self.read_text(&dockerfile)?;
        let collected = tokio::task::spawn_blocking(move || context::collect(&path)).await;
        let collected = collected.map_err(|error| Error::Words(error.to_string()))?;
        let mut context = collected.map_err(|error| Error::Words(crate::exec::chain(&error)))?;
        let progress = |progress: docker::Progress| {
            if !is_ours(&progress) {
                self.out.warn(format_args!("{}", self.names().back(&progress.detail)));
            }
        };
        let found = images::ensure(&self.lab.docker, &self.lab.handle.application.base, &progress).await?;
        let base = Base::ensure(&self.lab.docker, &found, &progress).await?;
        let text = self.with_bases(&text, &base.image).await?;
        context.retain(|file| file.path != DOCKERFILE);
        context.push(ContextFile::new(DOCKERFILE, text.clone()));
        let mut request = base.request(context, DOCKERFILE, &self.names().image(first)?.local);
        if !text.lines().any(|line| line.trim_start().starts_with("ARG BASE")) {
            request.args.remove("BASE");
        }
        request.args.extend(build.build_arg.iter().filter_map(|arg| self.key_value(arg)));
        request.no_cache = build.no_cache;
        request.labels = self.lab.handle.labels();
        request.labels.insert(labels::BUILT.into(), self.lab.handle.scope.clone());
        let image = self.lab.docker.build(request, &progress).await.map_err(|source| Error::Build { source })?;
        self.out.print(format_args!("Successfully built {}", short(&image.id)));
        for (tag, written) in tags.iter().zip(&build.tag) {
            self.lab.docker.tag(&image.id, &tag.local).await?;
            self.names().remember(tag);
            self.out.print(format_args!("Successfully tagged {written}"));
        }
        Ok(())
    }

    /// A path of the fence's without links, which is in the lab's folder.
    fn readable(&self, path: &Path) -> Result<PathBuf, Error> {
        let found = files::below(&self.lab.folder, &self.cwd.join(path));
        found.map_err(|source| Error::Read { path: path.into(), source })
    }

    fn read_text(&self, path: &Path) -> Result<String, Error> {
        let found = files::read_plain(&self.readable(path)?, DOCKERFILE_LENGTH);
        found.map_err(|source| Error::Read { path: path.into(), source })
    }

    /// The Dockerfile with the Engine's names for what it is built from: the lab's own images, and the application's
    /// base.
    async fn with_bases(&self, dockerfile: &str, base_image: &str) -> Result<String, Error> {
        let hubs = ImageRef::parse(&self.lab.handle.application.base).ok();
        let mut lines = Vec::new();
        for line in dockerfile.lines() {
            let named = base_of(line).and_then(|base| Some((base, self.names().image(base).ok()?)));
            let Some((base, name)) = named else {
                lines.push(line.to_owned());
                continue;
            };
            let here = self.lab.docker.image(&name.local).await?.map(|_| name.local.as_str());
            let to = here.or((Some(&name.written) == hubs.as_ref()).then_some(base_image));
            lines.push(to.map_or_else(|| line.to_owned(), |to| line.replacen(base, to, 1)));
        }
        Ok(lines.join("\n") + "\n")
    }
}

/// The image of a line `FROM [--platform=P] IMAGE [AS NAME]`.
fn base_of(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    words.next().filter(|word| word.eq_ignore_ascii_case("from"))?;
    words.find(|word| !word.starts_with("--")).filter(|word| !word.contains('$') && *word != "scratch")
}

/// The step that labels the image, and the last words: the Engine knows the image by other names.
fn is_ours(progress: &docker::Progress) -> bool {
    let labels = progress.step.starts_with("LABEL ") && progress.step.contains("\"rehearsal.");
    labels || progress.detail.starts_with("Successfully ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_that_labels_the_image_is_not_shown() {
        let ours = |step: &str, detail: &str| {
            is_ours(&docker::Progress { step: step.into(), detail: detail.into(), ..docker::Progress::default() })
        };
        let step = r#"LABEL "rehearsal.owner"="x.lock" "rehearsal.session"="1""#;
        assert!(ours(step, &format!("Step 8/8 : {step}")) && ours(step, "---> Using cache"));
        assert!(ours(step, "Successfully tagged 127.0.0.1:5000/x"));
        assert!(!ours("LABEL version=1", "Step 7/8 : LABEL version=1") && !ours("RUN true", "---> Using cache"));
    }

    #[test]
    fn what_a_dockerfile_is_built_from_is_read_from_its_line() {
        assert_eq!(base_of("FROM a/b:1 AS first"), Some("a/b:1"));
        assert_eq!(base_of("  from --platform=linux/amd64 python:3.9-slim"), Some("python:3.9-slim"));
        for line in ["FROM ${BASE}", "FROM scratch", "RUN echo FROM a", "# FROM a", ""] {
            assert_eq!(base_of(line), None, "{line}");
        }
    }
}
