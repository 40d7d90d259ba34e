//! Names: what the reader calls an image or a container, and what it is called on the Engine and in the registry, where
//! labs that are played side by side must not meet. Knows no command.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::play::Error;
use super::server::Notes;
use crate::registry::{ImageRef, InvalidReference};
use crate::stage::Handle;

/// One image's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ImageName {
    /// As the reader gave it, spelled out.
    pub written: ImageRef,
    /// In docker.io's place.
    pub served: ImageRef,
    /// On the Engine: under the stage's registry, whose port no other session has, so that the user's own images are
    /// never touched.
    pub local: String,
}

/// The names of one lab.
pub(super) struct LabNames<'a> {
    pub handle: &'a Handle,
    pub notes: &'a Mutex<Notes>,
}

impl LabNames<'_> {
    /// What a lab's own containers begin with, and its images where it is played beside others.
    fn own(&self) -> String {
        format!("rehearsal-{}-", self.handle.scope)
    }

    pub(super) fn image(&self, name: &str) -> Result<ImageName, Error> {
        let wrong = |source| Error::Reference { name: name.into(), source };
        let written = ImageRef::parse(name).map_err(wrong)?;
        // The user's own registry, under its own name, is as good as the hub.
        if written.registry() != "docker.io" && !self.is_registry(written.registry()) {
            return Err(Error::OtherRegistry { server: written.registry().into() });
        }
        let served = self.place(&written).map_err(wrong)?;
        let local = served.with_registry(&self.handle.registry).to_string();
        Ok(ImageName { written, served, local })
    }

    pub(super) fn container(&self, name: &str) -> String {
        self.own() + name
    }

    /// Whether `server` is the user's own registry in the hub's place.
    pub(super) fn is_registry(&self, server: &str) -> bool {
        let remote = self.handle.remote.as_ref();
        let bare = server.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        remote.is_some_and(|remote| [&remote.host, &self.handle.registry].into_iter().any(|host| host == bare))
    }

    /// The form that the gateway gives images in manifests, too. A fence may have read a name in that form somewhere.
    fn place(&self, written: &ImageRef) -> Result<ImageRef, InvalidReference> {
        let own = self.own();
        let last = written.repository().rsplit('/').next().unwrap_or_default();
        if last.starts_with(&own) {
            return Ok(written.clone());
        }
        let folder = self.handle.remote.as_ref().map_or("docker.io/rehearsal".to_owned(), |remote| remote.place());
        written.kept_in(&folder, own.trim_end_matches('-'))
    }

    /// What begins all of the lab's images on the Engine.
    pub(super) fn images_begin(&self) -> String {
        let folder = match &self.handle.remote {
            Some(remote) => ImageRef::parse(&format!("{}/x", remote.place().trim_end_matches('/')))
                .map_or(String::new(), |within| within.repository().trim_end_matches('x').to_owned()),
            None => "rehearsal/".to_owned(),
        };
        format!("{}/{folder}{}", self.handle.registry, self.own())
    }

    /// What the reader calls the Engine's `local`.
    pub(super) fn written(&self, local: &str) -> String {
        let known = self.known();
        let found = known.iter().find_map(|(repository, written)| Some(written.clone() + tag_of(local, repository)?));
        found.unwrap_or_else(|| self.stripped(local))
    }

    /// Text of the Engine's in the reader's names.
    pub(super) fn back(&self, text: &str) -> String {
        let known = self.known();
        let mut text = match &self.handle.remote {
            Some(_) => text.to_owned(),
            None => with_the_hubs_urls(text, &self.handle.registry, &known),
        };
        for (repository, written) in known {
            text = text.replace(&repository, &written);
        }
        without_prefix(&self.stripped(&text), &self.own())
    }

    /// How wide text is once the lab's own names are out of it, those of images that it needs too, which the run takes out.
    pub(super) fn width(&self, text: &str) -> usize {
        text.replace(&format!("rehearsal/{}", self.own()), "").chars().count()
    }

    /// Without the stage's registry, which plays docker.io; the user's own is named.
    fn stripped(&self, text: &str) -> String {
        if self.handle.remote.is_some() {
            return text.to_owned();
        }
        let registry = format!("{}/", self.handle.registry);
        text.replace(&format!("{registry}library/"), "").replace(&registry, "")
    }

    /// Remembers what the reader calls an image that is called otherwise here.
    pub(super) fn remember(&self, name: &ImageName) {
        let pair = (repository_of(&name.local), familiar(&name.written.name()));
        let mut notes = self.notes();
        if name.served != name.written && !notes.names.contains(&pair) {
            notes.names.push(pair);
            // One may begin like another.
            notes.names.sort_by_key(|(local, _)| std::cmp::Reverse(local.len()));
        }
    }

    /// The Engine's repositories and the reader's, longest first.
    fn known(&self) -> Vec<(String, String)> {
        self.notes().names.clone()
    }

    /// Before an image is pushed: it has to be withdrawn though the push comes to no end.
    pub(super) fn will_push(&self, name: &ImageName) {
        let (mut notes, served) = (self.notes(), name.served.to_string());
        if !notes.pushed.contains(&served) {
            notes.pushed.push(served);
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Docker Hub's registry as Docker's own messages name it.
const HUB: &str = "https://registry-1.docker.io";

/// URLs of the stage's registry as they are of the hub's, whose repositories are those that the reader calls them.
fn with_the_hubs_urls(text: &str, registry: &str, known: &[(String, String)]) -> String {
    ["http", "https"].iter().fold(text.to_owned(), |text, scheme| {
        let served = format!("{scheme}://{registry}");
        let named = known.iter().fold(text, |text, (local, written)| {
            let repository = local.strip_prefix(registry).unwrap_or(local);
            let folder = if written.contains('/') { "" } else { "library/" };
            text.replace(&format!("{served}/v2{repository}/"), &format!("{HUB}/v2/{folder}{written}/"))
        });
        named.replace(&served, HUB)
    })
}

/// As docker shows a name of the hub's.
pub(super) fn familiar(name: &str) -> String {
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
    fn urls_are_the_hubs() {
        let known = [
            (
                "127.0.0.1:5000/rehearsal/rehearsal-s-cloudwithvarjosh-app1".to_owned(),
                "cloudwithvarjosh/app1".to_owned(),
            ),
            ("127.0.0.1:5000/rehearsal/rehearsal-s-app".to_owned(), "app".to_owned()),
        ];
        for (said, shown) in [
            (r#"Get "http://127.0.0.1:5000/v2/": EOF"#, r#"Get "https://registry-1.docker.io/v2/": EOF"#),
            (
                r#"Head "http://127.0.0.1:5000/v2/rehearsal/rehearsal-s-cloudwithvarjosh-app1/manifests/1.0.0": x"#,
                r#"Head "https://registry-1.docker.io/v2/cloudwithvarjosh/app1/manifests/1.0.0": x"#,
            ),
            (
                "https://127.0.0.1:5000/v2/rehearsal/rehearsal-s-app/blobs/uploads/",
                "https://registry-1.docker.io/v2/library/app/blobs/uploads/",
            ),
            ("no URL of 127.0.0.1:5000/x", "no URL of 127.0.0.1:5000/x"),
        ] {
            assert_eq!(with_the_hubs_urls(said, "127.0.0.1:5000", &known), shown);
        }
    }

    #[test]
    fn a_containers_prefix_goes_and_an_images_stays() {
        let text = r#"name "/rehearsal-s-web" in use; rehearsal/rehearsal-s-a-b:1; rehearsal-s-db"#;
        let without = r#"name "/web" in use; rehearsal/rehearsal-s-a-b:1; db"#;
        assert_eq!(without_prefix(text, "rehearsal-s-"), without);
    }
}
