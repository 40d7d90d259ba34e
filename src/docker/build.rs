//! Image builds with the engine's classic builder, which every engine from API 1.41 on has. Knows no particular image.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;

use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion};
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::error::{Error, Result, failed, is_disk_full, message};
use super::progress::{OnProgress, Progress};
use super::{Docker, ImageInfo};

/// How many of a failing step's output lines an error carries.
const OUTPUT_LINES: usize = 12;

/// A file of the build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// Relative to the context's root.
    pub path: String,
    /// What the Dockerfile's `COPY` finds there.
    pub contents: Bytes,
    /// Permission bits, e.g. `0o644`.
    pub mode: u32,
}

impl ContextFile {
    /// A file that everybody may read and its owner may write (0644).
    pub fn new(path: impl Into<String>, contents: impl Into<Bytes>) -> ContextFile {
        ContextFile { path: path.into(), contents: contents.into(), mode: 0o644 }
    }
}

/// An image to build.
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// All files that the Dockerfile may name, the Dockerfile among them.
    pub context: Vec<ContextFile>,
    /// The Dockerfile's path in the context.
    pub dockerfile: String,
    /// The result's name, `repository:tag`.
    pub tag: String,
    /// Values of the Dockerfile's `ARG`s.
    pub args: BTreeMap<String, String>,
    /// Labels of the image, put on with one more instruction.
    pub labels: BTreeMap<String, String>,
    /// The network of `RUN` steps: the engine's default when None.
    pub network: Option<String>,
    /// Whether each step is played anew.
    pub no_cache: bool,
}

/// The Dockerfile with one more instruction: the builder would make a step, and a container, of each label.
fn labelled(dockerfile: &Bytes, labels: &BTreeMap<String, String>) -> Bytes {
    let pairs: String = labels.iter().map(|(key, value)| format!(" {}={}", quoted(key), quoted(value))).collect();
    match pairs.is_empty() {
        true => dockerfile.clone(),
        false => [dockerfile, b"\nLABEL".as_slice(), pairs.as_bytes(), b"\n"].concat().into(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$"))
}

impl Docker {
    /// Builds and names an image. A failing step's error carries the step and its last output; the steps before it
    /// leave no nameless image behind, nor does the one that had the name before. Where it is no longer waited for, the
    /// engine is told to stop, and the finished steps' images go, too.
    pub async fn build(&self, request: BuildRequest, progress: OnProgress<'_>) -> Result<ImageInfo> {
        let stop = CancellationToken::new();
        let _stops = stop.clone().drop_guard();
        let (told, mut steps) = mpsc::unbounded_channel();
        let docker = self.clone();
        // Nobody hears what is told of a build that nobody waits for.
        let build = async move { docker.built(request, &|step| drop(told.send(step)), &stop).await };
        let mut build = pin!(self.whole(build));
        loop {
            tokio::select! {
                biased;
                Some(step) = steps.recv() => progress(step),
                built = &mut build => return built,
            }
        }
    }

    async fn built(
        &self,
        request: BuildRequest,
        progress: OnProgress<'_>,
        stop: &CancellationToken,
    ) -> Result<ImageInfo> {
        let tag = request.tag;
        let mut options = BuildImageOptionsBuilder::new()
            .dockerfile(&request.dockerfile)
            .t(&tag)
            .version(BuilderVersion::BuilderV1)
            .rm(true)
            .forcerm(true)
            .nocache(request.no_cache)
            .buildargs(&request.args.into_iter().collect::<HashMap<_, _>>());
        if let Some(network) = &request.network {
            options = options.networkmode(network);
        }
        let mut context = request.context;
        if let Some(file) = context.iter_mut().find(|file| file.path == request.dockerfile) {
            file.contents = labelled(&file.contents, &request.labels);
        }
        let context = bollard::body_full(pack(&context)?);
        let before = self.image(&tag).await?;
        let mut stream = Box::pin(self.api.build_image(options.build(), None, Some(context)));
        let mut log = StepLog::default();
        loop {
            let item = tokio::select! {
                biased;
                () = stop.cancelled() => {
                    // The engine stops when the connection is closed.
                    drop(stream);
                    self.discard(&log.image).await;
                    return Err(Error::Missing { what: "image", name: tag });
                }
                item = stream.next() => item,
            };
            match item {
                None => break,
                Some(Ok(info)) => log.read(info.stream.or(info.status).unwrap_or_default().trim_end(), progress),
                Some(Err(error)) => {
                    self.discard(&log.image).await;
                    return Err(log.failure(&tag, error));
                }
            }
        }
        if let Some(before) = before {
            self.discard(&before.id).await;
        }
        let missing = || Error::Missing { what: "image", name: tag.clone() };
        self.image(&tag).await?.ok_or_else(missing)
    }
}

/// The classic builder's output, read for the step it is in.
#[derive(Default)]
struct StepLog {
    step: String,
    /// The last finished step's.
    image: String,
    output: Vec<String>,
}

impl StepLog {
    fn read(&mut self, text: &str, progress: OnProgress<'_>) {
        // The classic builder paints stderr red.
        let text = anstream::adapter::strip_str(text).to_string();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(step) = step_of(line) {
                self.step = step.to_owned();
                self.output.clear();
            } else if let Some(image) = line.strip_prefix(" ---> ") {
                if image.chars().all(|c| c.is_ascii_hexdigit()) {
                    self.image = image.to_owned();
                }
            } else {
                self.output.push(line.to_owned());
            }
            let step = self.step.clone();
            progress(Progress { step, detail: line.trim().to_owned(), ..Progress::default() });
        }
    }

    fn failure(mut self, tag: &str, error: bollard::errors::Error) -> Error {
        let Some(message) = message(&error).map(str::to_owned) else {
            return failed(format!("building {tag}"))(error);
        };
        if is_disk_full(&message) || self.output.iter().any(|line| is_disk_full(&line.to_lowercase())) {
            return Error::DiskFull { action: format!("building {tag}") };
        }
        let surplus = self.output.len().saturating_sub(OUTPUT_LINES);
        self.output.drain(..surplus);
        Error::Build { tag: tag.to_owned(), step: self.step, message, output: self.output }
    }
}

/// The instruction of a `Step 3/7 : RUN …` line.
fn step_of(line: &str) -> Option<&str> {
    let (count, instruction) = line.strip_prefix("Step ")?.split_once(" : ")?;
    count.contains('/').then_some(instruction)
}

/// The context as a tar with fixed owner and time: equal contents hit the builder's cache on every machine.
pub(crate) fn pack(files: &[ContextFile]) -> Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.contents.len() as u64);
        header.set_mode(file.mode);
        let packed = tar.append_data(&mut header, &file.path, &*file.contents);
        packed.map_err(|source| Error::Context { path: file.path.clone(), source })?;
    }
    let done = tar.into_inner();
    Ok(done.map_err(|source| Error::Context { path: "its end".into(), source })?.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::hint::Hint as _;

    #[test]
    fn the_context_keeps_paths_modes_and_contents_and_no_time() {
        let script = ContextFile { mode: 0o755, ..ContextFile::new("bin/run.sh", "#!/bin/sh\n") };
        let packed = pack(&[ContextFile::new("app.py", "print()"), script]).unwrap();
        let mut archive = tar::Archive::new(&*packed);
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            seen.push((
                entry.path().unwrap().display().to_string(),
                header.mode().unwrap(),
                header.mtime().unwrap(),
                text,
            ));
        }
        let expected = [("app.py", 0o644, 0, "print()"), ("bin/run.sh", 0o755, 0, "#!/bin/sh\n")];
        assert_eq!(seen, expected.map(|(p, m, t, c)| (p.to_owned(), m, t, c.to_owned())));
    }

    #[test]
    fn a_path_that_leaves_the_context_is_refused() {
        let error = pack(&[ContextFile::new("../secret", "x")]).unwrap_err();
        assert_eq!(error.to_string(), "cannot pack ../secret into the build context");
    }

    #[test]
    fn a_failing_step_is_named_with_its_own_output_only() {
        let mut log = StepLog::default();
        let quiet: OnProgress = &|_| {};
        log.read("Step 1/2 : FROM base\n ---> 0123\nold line", quiet);
        log.read("Step 2/2 : RUN pip install flask", quiet);
        log.read(" ---> Running in 89ab", quiet);
        log.read("\u{1b}[91mERROR: no matching distribution\n\u{1b}[0m", quiet);
        let error = bollard::errors::Error::DockerStreamError { error: "returned a non-zero code: 1".into() };
        let error = log.failure("app:1", error);
        assert_eq!(error.to_string(), "building app:1 failed at `RUN pip install flask`: returned a non-zero code: 1");
        assert_eq!(error.hint().unwrap(), "the step's last output:\n  ERROR: no matching distribution");
    }

    #[test]
    fn a_full_disk_is_recognised_from_the_steps_own_words() {
        let mut log = StepLog::default();
        log.read("Step 2/2 : RUN pip install flask\nOSError: [Errno 28] No space left on device", &|_| {});
        let error = bollard::errors::Error::DockerStreamError { error: "returned a non-zero code: 1".into() };
        assert!(matches!(log.failure("app:1", error), Error::DiskFull { .. }));
    }
}
