//! A lab's names on a cluster that it shares. `default` ⇄ `ID`, another namespace `NAME` ⇄ `ID-NAME`, an image of the
//! lab's ⇄ one of its own, a cluster-scoped object that the lab made ⇄ `ID-NAME`. Namespaces are declared nowhere:
//! whichever a request names is the lab's own, but for the system's. Pure.

use std::collections::BTreeMap;

use super::back::Replacer;
use super::dockerconfig;
use crate::kubewords::is_system_namespace;
use crate::registry::ImageRef;

pub(crate) const DEFAULT: &str = "default";
/// The folder at docker.io that keeps labs' images: a name of one level would be an official image's.
pub(crate) const FOLDER: &str = "docker.io/rehearsal";
const HUB: &str = "docker.io";
/// How a name may begin and mean Docker Hub.
const SPELLED: &[&str] = &["index.docker.io/", "docker.io/"];
/// The longest name of a namespace (RFC 1123 label).
pub(crate) const LONGEST: usize = 63;
/// What the ids of all labs begin with.
pub(crate) const ALL_LABS: &str = "rehearsal-";
const ACCOUNT: &str = "system:serviceaccount:";
const ACCOUNTS: &str = "system:serviceaccounts:";

/// A registry that is used under its own name in docker.io's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// `ghcr.io` or `127.0.0.1:5001`.
    pub host: String,
    /// The folder in it; may be empty.
    pub path: String,
    /// Who logs in there.
    pub username: String,
    /// Who the lecture says does.
    pub lecture_username: String,
}

/// The names of one lab; [`Names::verbatim`] changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    id: String,
    images: Vec<LearnedImage>,
    elsewhere: Option<Elsewhere>,
    /// Cluster-scoped objects that the lab made: plural and the lecture's name.
    made: Vec<(String, String)>,
    /// Base64 of a secret's data as it was sent on → as the lab wrote it.
    configs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct LearnedImage {
    /// The lecture's, as the lab writes it, without tag: `docker.io/a/b` or `a/b`.
    written: String,
    lecture: ImageRef,
    played: ImageRef,
}

impl Names {
    /// Names that stay as they are.
    #[must_use]
    pub fn verbatim() -> Self {
        Self::default()
    }

    /// The names of the lab `id`, which occurs nowhere else in the world: `rehearsal-SESSION-labN`.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// With a registry under its own name. Images come after it.
    #[must_use]
    pub fn in_registry(mut self, elsewhere: Option<Elsewhere>) -> Self {
        self.elsewhere = elsewhere;
        self
    }

    /// With an image that the lab has to itself, as the lab writes it. What is no image of Docker Hub's, or has no name
    /// in the registry, stays as it is.
    #[must_use]
    pub fn with_image(mut self, written: &str) -> Self {
        self.learn_image(written);
        self
    }

    /// As [`Names::with_image`].
    pub(crate) fn learn_image(&mut self, written: &str) {
        let Ok(lecture) = ImageRef::parse(written) else { return };
        let known = self.images.iter().any(|image| image.lecture.name() == lecture.name());
        if self.is_verbatim() || known || lecture.registry() != HUB {
            return;
        }
        if let Ok(played) = lecture.kept_in(&self.folder(), &self.id) {
            self.images.push(LearnedImage { written: name_of(written).to_owned(), lecture, played });
        }
    }

    fn folder(&self) -> String {
        match &self.elsewhere {
            Some(elsewhere) => {
                let parts = [elsewhere.host.as_str(), elsewhere.path.trim_matches('/')];
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
            }
            None => FOLDER.to_owned(),
        }
    }

    /// Whether names stay as they are.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        self.id.is_empty()
    }

    /// The namespace that plays `default`; empty where names stay as they are.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The images that the lab has to itself, as they are called where it is played.
    #[must_use]
    pub fn images(&self) -> Vec<String> {
        self.images.iter().map(|image| image.played.to_string()).collect()
    }

    /// What the namespace `name` is called on the cluster. That it may be too long there is for the cluster to say.
    #[must_use]
    pub fn namespace(&self, name: &str) -> String {
        match name {
            _ if self.is_verbatim()
                || name.is_empty()
                || name == "*"
                || is_system_namespace(name)
                || self.owns(name) =>
            {
                name.into()
            }
            DEFAULT => self.id.clone(),
            _ => format!("{}-{name}", self.id),
        }
    }

    /// How many characters the lab's own name takes from a namespace's.
    pub(crate) fn shortened_by(&self) -> usize {
        if self.is_verbatim() { 0 } else { self.id.len() + 1 }
    }

    /// Whether `played`, a name on the cluster, is the lab's own.
    #[must_use]
    pub fn owns(&self, played: &str) -> bool {
        played.strip_prefix(&self.id).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// The lecture's name for `played`, a namespace or a cluster-scoped object.
    #[must_use]
    pub fn lecture<'a>(&self, played: &'a str) -> &'a str {
        match played.strip_prefix(&self.id) {
            Some("") if !self.is_verbatim() => DEFAULT,
            Some(rest) => rest.strip_prefix('-').filter(|_| !self.is_verbatim()).unwrap_or(played),
            None => played,
        }
    }

    /// What a cluster-scoped object of the lab's own is called on the cluster.
    #[must_use]
    pub fn cluster_scoped(&self, name: &str) -> String {
        if self.is_verbatim() || self.owns(name) { name.to_owned() } else { format!("{}-{name}", self.id) }
    }

    /// What the object `name` of a cluster-scoped kind means where it is referred to: the lab's, if it made one.
    pub(crate) fn referred(&self, plural: &str, name: &str) -> String {
        if self.has_made(plural, name) { self.cluster_scoped(name) } else { name.to_owned() }
    }

    pub(crate) fn has_made(&self, plural: &str, name: &str) -> bool {
        self.made.iter().any(|(kind, made)| kind == plural && made == name)
    }

    pub(crate) fn learn_made(&mut self, plural: &str, name: &str) {
        if !self.has_made(plural, name) {
            self.made.push((plural.to_owned(), name.to_owned()));
        }
    }

    /// A user's or a group's name: those of ServiceAccounts hold their namespace.
    #[must_use]
    pub fn account(&self, name: &str) -> String {
        if let Some((namespace, account)) = name.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once(':')) {
            return format!("{ACCOUNT}{}:{account}", self.namespace(namespace));
        }
        match name.strip_prefix(ACCOUNTS) {
            Some(namespace) => format!("{ACCOUNTS}{}", self.namespace(namespace)),
            None => name.to_owned(),
        }
    }

    /// What the lecture's `image` is called where it is played. What does not name the hub does not do so afterwards.
    #[must_use]
    pub fn image(&self, image: &str) -> String {
        let Ok(reference) = ImageRef::parse(image) else { return image.to_owned() };
        let found = self.images.iter().find(|known| known.lecture.name() == reference.name());
        let Some(known) = found else { return image.to_owned() };
        let object = &image[name_of(image).len()..];
        if self.elsewhere.is_some() {
            return known.played.name() + object;
        }
        let hub = SPELLED.iter().find(|hub| image.starts_with(**hub)).copied().unwrap_or_default();
        format!("{hub}{}{object}", known.played.repository())
    }

    /// The hosts of services in a text, `NAME.NAMESPACE.svc…`, and of pods. The API server is the cluster's own.
    #[must_use]
    pub fn hosts(&self, text: &str) -> Option<String> {
        if self.is_verbatim() {
            return None;
        }
        let (mut out, mut done) = (String::new(), 0);
        let mut ends: Vec<usize> = [".svc", ".pod.cluster."]
            .iter()
            .flat_map(|kind| text.match_indices(kind).map(|(at, _)| (at, kind.len())))
            .filter(|(at, length)| kind_ends(&text[at + length..]) || *length > ".svc".len())
            .map(|(at, _)| at)
            .collect();
        ends.sort_unstable();
        for end in ends {
            let before = &text[..end];
            let start = before.trim_end_matches(in_label).len();
            let Some(host) = text[..start].strip_suffix('.') else { continue };
            let (namespace, service) = (&text[start..end], &host[host.trim_end_matches(in_label).len()..]);
            let is_api = namespace == DEFAULT && service == "kubernetes";
            if start < done || namespace.is_empty() || service.is_empty() || is_api {
                continue;
            }
            out.push_str(&text[done..start]);
            out.push_str(&self.namespace(namespace));
            done = end;
        }
        (done > 0).then(|| out + &text[done..])
    }

    /// A docker config, base64 as secrets hold it, for the registry that is used; None where it stays as it is.
    pub(crate) fn docker_config(&self, base64: &str) -> Option<String> {
        dockerconfig::encoded(base64, self.elsewhere.as_ref()?)
    }

    /// As [`Names::docker_config`], of text.
    pub(crate) fn docker_config_text(&self, text: &str) -> Option<String> {
        dockerconfig::text(text, self.elsewhere.as_ref()?)
    }

    pub(crate) fn learn_config(&mut self, played: &str, written: &str) {
        self.configs.insert(played.to_owned(), written.to_owned());
    }

    /// Text from the cluster in the lecture's names.
    #[must_use]
    pub fn back(&self, text: &str) -> String {
        self.replacer().text(text)
    }

    /// Everything that becomes the lecture's on its way back.
    pub(crate) fn replacer(&self) -> Replacer {
        if self.is_verbatim() {
            return Replacer::default();
        }
        let mut pairs = vec![(format!("{}-", self.id), String::new()), (self.id.clone(), DEFAULT.to_owned())];
        for image in &self.images {
            let (played, lecture) = (image.played.repository(), image.lecture.repository());
            let escaped = |name: &str| name.replace('/', "%2F");
            pairs.push((escaped(played), escaped(lecture)));
            // As people write an official image where they do not name the hub.
            let familiar = lecture.strip_prefix("library/").filter(|_| !image.written.contains("library/"));
            pairs.push((played.to_owned(), familiar.unwrap_or(lecture).to_owned()));
            let full = if self.elsewhere.is_some() { image.written.clone() } else { image.lecture.name() };
            pairs.push((image.played.name(), full));
        }
        pairs.extend(self.configs.iter().map(|(played, written)| (played.clone(), written.clone())));
        Replacer::new(pairs)
    }
}

/// An image's name without tag and digest.
fn name_of(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    match image.rsplit_once(':') {
        // A colon before a slash belongs to a registry's port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

fn in_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

fn kind_ends(rest: &str) -> bool {
    !rest.starts_with(|c: char| in_label(c) || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new("rehearsal-s-lab1").with_image("docker.io/o/app:1.0").with_image("nginx")
    }

    #[test]
    fn namespaces() {
        for (lecture, played) in [
            ("default", "rehearsal-s-lab1"),
            ("demo", "rehearsal-s-lab1-demo"),
            ("rehearsal-s-lab10", "rehearsal-s-lab1-rehearsal-s-lab10"),
            ("rehearsal-s-lab1-demo", "rehearsal-s-lab1-demo"),
            ("kube-system", "kube-system"),
            ("local-path-storage", "local-path-storage"),
            ("", ""),
        ] {
            assert_eq!(names().namespace(lecture), played);
            assert_eq!(Names::verbatim().namespace(lecture), lecture);
        }
        assert_eq!(
            names().back("ns rehearsal-s-lab1/x, rehearsal-s-lab1-demo; rehearsal-s-lab10"),
            "ns default/x, demo; rehearsal-s-lab10"
        );
    }

    #[test]
    fn images_keep_their_spelling() {
        let names = names();
        for (lecture, played) in [
            ("docker.io/o/app:1.0", "docker.io/rehearsal/rehearsal-s-lab1-o-app:1.0"),
            ("o/app", "rehearsal/rehearsal-s-lab1-o-app"),
            ("o/app:2", "rehearsal/rehearsal-s-lab1-o-app:2"),
            ("o/apps", "o/apps"),
            ("ghcr.io/o/app", "ghcr.io/o/app"),
            ("nginx:1", "rehearsal/rehearsal-s-lab1-library-nginx:1"),
            ("docker.io/library/nginx", "docker.io/rehearsal/rehearsal-s-lab1-library-nginx"),
        ] {
            assert_eq!(names.image(lecture), played);
            assert_eq!(names.back(played), lecture);
        }
        let scope = "repository%3Arehearsal%2Frehearsal-s-lab1-o-app%3Apull";
        assert_eq!(names.back(scope), "repository%3Ao%2Fapp%3Apull");
    }

    #[test]
    fn images_in_a_registry_of_the_users() {
        let elsewhere = Elsewhere {
            host: "ghcr.io".into(),
            path: "me/x".into(),
            username: "me".into(),
            lecture_username: "o".into(),
        };
        let names = Names::new("rehearsal-s-lab1").in_registry(Some(elsewhere)).with_image("o/app");
        assert_eq!(names.image("docker.io/o/app:1"), "ghcr.io/me/x/rehearsal-s-lab1-o-app:1");
        assert_eq!(names.back("pull ghcr.io/me/x/rehearsal-s-lab1-o-app:1"), "pull o/app:1");
    }

    #[test]
    fn accounts() {
        let names = names();
        assert_eq!(names.account("system:serviceaccount:default:app"), "system:serviceaccount:rehearsal-s-lab1:app");
        assert_eq!(names.account("system:serviceaccounts:demo"), "system:serviceaccounts:rehearsal-s-lab1-demo");
        assert_eq!(names.account("system:serviceaccounts"), "system:serviceaccounts");
        assert_eq!(names.account("bob"), "bob");
    }

    #[test]
    fn hosts() {
        let names = names();
        for (text, played) in [
            ("http://web.default.svc", Some("http://web.rehearsal-s-lab1.svc")),
            ("web-0.nginx.demo.svc.cluster.local:80", Some("web-0.nginx.rehearsal-s-lab1-demo.svc.cluster.local:80")),
            ("a.x.svc b.y.svc/", Some("a.rehearsal-s-lab1-x.svc b.rehearsal-s-lab1-y.svc/")),
            ("10-0-0-1.demo.pod.cluster.local", Some("10-0-0-1.rehearsal-s-lab1-demo.pod.cluster.local")),
            ("https://kubernetes.default.svc", None),
            ("dns.kube-system.svc", Some("dns.kube-system.svc")),
            ("web.default", None),
            ("a.b.svcs", None),
            (".svc", None),
            ("x.svc", None),
        ] {
            assert_eq!(names.hosts(text).as_deref(), played, "{text}");
        }
    }
}
