//! Names: what the reader calls an image or a container, and what it is called on the Engine and in the registry, where
//! labs that are played side by side must not meet. Knows no command.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Error;
use crate::registry::{ImageRef, InvalidReference};
use crate::stage::Handle;

/// One image's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As the reader gave it, spelled out.
    pub written: ImageRef,
    /// In docker.io's place.
    pub served: ImageRef,
    /// On the Engine: under the stage's registry, whose port no other session has, so that the user's own images are
    /// never touched.
    pub local: String,
}

/// The names of one lab.
pub struct Names<'a>(pub &'a Handle);

impl Names<'_> {
    /// What a lab's own containers begin with, and its images where it is played beside others.
    fn own(&self) -> String {
        format!("rehearsal-{}-", self.0.scope)
    }

    pub fn image(&self, name: &str) -> Result<Name, Error> {
        let wrong = |source| Error::Reference { name: name.into(), source };
        let written = ImageRef::parse(name).map_err(wrong)?;
        // The user's own registry, under its own name, is as good as the hub.
        if written.registry() != "docker.io" && !self.is_registry(written.registry()) {
            return Err(Error::OtherRegistry { server: written.registry().into() });
        }
        let served = self.place(&written).map_err(wrong)?;
        let local = served.with_registry(&self.0.registry).to_string();
        Ok(Name { written, served, local })
    }

    pub fn container(&self, name: &str) -> String {
        self.own() + name
    }

    /// Whether `server` is the user's own registry in the hub's place.
    pub fn is_registry(&self, server: &str) -> bool {
        let remote = self.0.remote.as_ref();
        let bare = server.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        remote.is_some_and(|remote| [&remote.host, &self.0.registry].into_iter().any(|host| host == bare))
    }

    /// Images that the lab needs come here under names of its own already (`run::rewrite`); all others get the same
    /// form, so that a name put together by a fence meets the one in a manifest.
    fn place(&self, written: &ImageRef) -> Result<ImageRef, InvalidReference> {
        let own = self.own();
        let last = written.repository().rsplit('/').next().unwrap_or_default();
        if self.0.alone || last.starts_with(&own) {
            return Ok(written.clone());
        }
        let folder = self.0.remote.as_ref().map_or("docker.io/rehearsal".to_owned(), |remote| remote.place());
        let name = format!("{}/{own}{}", folder.trim_end_matches('/'), written.repository().replace('/', "-"));
        ImageRef::parse(&written.to_string().replacen(&written.name(), &name, 1))
    }

    /// What begins all of the lab's images on the Engine.
    pub fn images_begin(&self) -> String {
        let folder = match &self.0.remote {
            Some(remote) => ImageRef::parse(&format!("{}/x", remote.place().trim_end_matches('/')))
                .map_or(String::new(), |within| within.repository().trim_end_matches('x').to_owned()),
            None => "rehearsal/".to_owned(),
        };
        let own = if self.0.alone { String::new() } else { folder + &self.own() };
        format!("{}/{own}", self.0.registry)
    }

    /// What the reader calls the Engine's `local`.
    pub fn written(&self, local: &str) -> String {
        let known = self.known();
        let found = known.iter().find_map(|(repository, written)| Some(written.clone() + tag_of(local, repository)?));
        found.unwrap_or_else(|| self.stripped(local))
    }

    /// Text of the Engine's in the reader's names.
    pub fn back(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (repository, written) in self.known() {
            text = text.replace(&repository, &written);
        }
        without_prefix(&self.stripped(&text), &self.own())
    }

    /// How wide text is once the lab's own names are out of it, those of images that it needs too, which the run takes out.
    pub fn width(&self, text: &str) -> usize {
        text.replace(&format!("rehearsal/{}", self.own()), "").chars().count()
    }

    /// Without the stage's registry, which plays docker.io; the user's own is named.
    fn stripped(&self, text: &str) -> String {
        if self.0.remote.is_some() {
            return text.to_owned();
        }
        let registry = format!("{}/", self.0.registry);
        text.replace(&format!("{registry}library/"), "").replace(&registry, "")
    }

    /// Remembers what the reader calls an image that is called otherwise here.
    pub fn remember(&self, name: &Name) -> Result<(), Error> {
        let pair = format!("{} {}", repository_of(&name.local), familiar(&name.written.name()));
        if name.served == name.written || self.lines("names").contains(&pair) {
            Ok(())
        } else {
            self.note("names", &pair)
        }
    }

    /// The Engine's repositories and the reader's, longest first, as one may begin like another.
    fn known(&self) -> Vec<(String, String)> {
        let pair = |line: &String| line.split_once(' ').map(|(local, written)| (local.to_owned(), written.to_owned()));
        let mut known: Vec<_> = self.lines("names").iter().filter_map(pair).collect();
        known.sort_by_key(|(local, _)| std::cmp::Reverse(local.len()));
        known
    }

    fn lines(&self, file: &str) -> Vec<String> {
        let text = std::fs::read_to_string(folder(&self.0.private).join(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Before an image is pushed: it has to be withdrawn though the push comes to no end.
    pub fn will_push(&self, name: &Name) -> Result<(), Error> {
        self.note("pushed", &name.served.to_string())
    }

    fn note(&self, file: &str, line: &str) -> Result<(), Error> {
        let path = folder(&self.0.private).join(file);
        let written = private(OpenOptions::new().append(true), &path)
            .and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        written.map_err(|source| Error::Write { path, source })
    }
}

/// The images that fences have pushed since this was last asked.
pub fn take_pushed(private: &Path) -> Vec<String> {
    let path = folder(private).join("pushed");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    let mut pushed: Vec<String> = text.lines().map(str::to_owned).collect();
    pushed.sort();
    pushed.dedup();
    pushed
}

/// The session's own docker folder, never the user's.
pub fn folder(private: &Path) -> PathBuf {
    private.join("docker")
}

/// Opens a file, in its folder, that nobody else may read.
pub fn private(options: &mut OpenOptions, path: &Path) -> std::io::Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    options.create(true).mode(0o600).open(path)
}

/// As docker shows a name of the hub's.
pub fn familiar(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name).to_owned()
}

/// Without tag and digest.
fn repository_of(local: &str) -> String {
    ImageRef::parse(local).map_or_else(|_| local.to_owned(), |image| image.name())
}

/// `:TAG` or `@DIGEST` of `local` where it is of that repository.
fn tag_of<'a>(local: &'a str, repository: &str) -> Option<&'a str> {
    local.strip_prefix(repository).filter(|rest| rest.is_empty() || rest.starts_with([':', '@']))
}

/// Takes a container's prefix out of text, and leaves that of an image, which stands in a folder.
fn without_prefix(text: &str, prefix: &str) -> String {
    let mut parts = text.split(prefix);
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let folder = all.strip_suffix('/').is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric()));
        if folder {
            all.push_str(prefix);
        }
        all.push_str(part);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_prefix_goes_and_an_images_stays() {
        let text = r#"name "/rehearsal-s-web" in use; rehearsal/rehearsal-s-a-b:1; rehearsal-s-db"#;
        let without = r#"name "/web" in use; rehearsal/rehearsal-s-a-b:1; db"#;
        assert_eq!(without_prefix(text, "rehearsal-s-"), without);
    }
}
