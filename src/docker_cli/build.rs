//! Builds, with the lab's own images and what takes the hub's place below them.

use std::path::Path;

use anstream::{eprintln, println};

use super::args::Build;
use super::play::{Error, Player, key_value};
use super::table::short;
use crate::docker::{self, ContextFile, context, labels};
use crate::images::{self, Base};
use crate::registry::ImageRef;

/// The Dockerfile's name in the context: it may stand outside of it.
const DOCKERFILE: &str = ".rehearsal-dockerfile";

impl Player {
    pub async fn build(&self, build: Build) -> Result<(), Error> {
        let Some(first) = build.tag.first() else {
            return Err(Error::Usage("a build without -t NAME is not played".into()));
        };
        let tags = build.tag.iter().map(|tag| self.names().image(tag)).collect::<Result<Vec<_>, _>>()?;
        let dockerfile = build.file.unwrap_or_else(|| build.path.join("Dockerfile"));
        let mut context = context::collect(&build.path).map_err(|error| Error::Words(crate::exec::chain(&error)))?;
        let read =
            |path: &Path| std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.into(), source });
        let text = read(&dockerfile)?;
        let progress = |progress: docker::Progress| {
            if !is_ours(&progress) {
                eprintln!("{}", self.names().back(&progress.detail));
            }
        };
        let found = images::ensure(&self.docker, &self.handle.application.base, &progress).await?;
        let base = Base::ensure(&self.docker, &found, &progress).await?;
        let text = self.with_bases(&text, &base.image).await?;
        context.retain(|file| file.path != DOCKERFILE);
        context.push(ContextFile::new(DOCKERFILE, text.clone()));
        let mut request = base.request(context, DOCKERFILE, &self.names().image(first)?.local);
        if !text.lines().any(|line| line.trim_start().starts_with("ARG BASE")) {
            request.args.remove("BASE");
        }
        request.args.extend(build.build_arg.iter().filter_map(|arg| key_value(arg)));
        request.no_cache = build.no_cache;
        request.labels = self.handle.labels();
        request.labels.insert(labels::BUILT.into(), self.handle.scope.clone());
        let image = self.docker.build(request, &progress).await.map_err(|source| Error::Build { source })?;
        println!("Successfully built {}", short(&image.id));
        for (tag, written) in tags.iter().zip(&build.tag) {
            self.docker.tag(&image.id, &tag.local).await?;
            self.names().remember(tag)?;
            println!("Successfully tagged {written}");
        }
        Ok(())
    }

    /// The Dockerfile with the Engine's names for what it is built from: the lab's own images, and the application's
    /// base.
    async fn with_bases(&self, dockerfile: &str, base_image: &str) -> Result<String, Error> {
        let hubs = ImageRef::parse(&self.handle.application.base).ok();
        let mut lines = Vec::new();
        for line in dockerfile.lines() {
            let named = base_of(line).and_then(|base| Some((base, self.names().image(base).ok()?)));
            let Some((base, name)) = named else {
                lines.push(line.to_owned());
                continue;
            };
            let here = self.docker.image(&name.local).await?.map(|_| name.local.as_str());
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
