//! Image references: distribution's grammar and Docker Hub's normalisation.
//! Owns names only; whether a name exists anywhere is the client's business.
//!
//! Own code: the crates that parse references normalise silently and cannot give distribution's words for
//! what is wrong, which the kubelet shows to the student unchanged.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

use crate::hint::Hint;

const DEFAULT_REGISTRY: &str = "docker.io";
/// Distribution's limit on registry and repository together (`reference.NameTotalLengthMax`).
const MAX_NAME: usize = 255;

/// Distribution's `ReferenceRegexp`, anchored: name, tag, digest.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    let component = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    let domain = format!(r"(?:{component}(?:\.{component})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?");
    let path = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
    let tag = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
    let digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
    Regex::new(&format!("^({domain})/({path}(?:/{path})*)(?::({tag}))?(?:@({digest}))?$"))
        .expect("the grammar is a constant")
});

/// Why a string is no image reference, in the words of distribution's `reference` package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "what each variant is, its message says")]
pub enum InvalidReference {
    #[error("invalid reference format")]
    Format,
    #[error("invalid reference format: repository name ({repository}) must be lowercase")]
    Uppercase { repository: String },
    #[error("repository name must not be more than {MAX_NAME} characters")]
    TooLong,
    #[error("invalid repository name ({name}), cannot specify 64-byte hexadecimal strings")]
    Identifier { name: String },
}

/// A reference with its registry and repository spelled out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageRef {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Hint for InvalidReference {
    fn hint(&self) -> Option<String> {
        Some("an image is [HOST[:PORT]/]NAME[:TAG][@DIGEST], its name in lower case".into())
    }
}

impl ImageRef {
    /// Parses as `ParseNormalizedNamed` does, then tags a bare name `latest`.
    ///
    /// # Errors
    /// [`InvalidReference`], in distribution's words.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(InvalidReference::Identifier { name: text.to_owned() });
        }
        let (domain, remainder) = split_domain(text);
        let repository = remainder.split_once(':').map_or(remainder.as_str(), |(name, _)| name);
        if repository.chars().any(char::is_uppercase) {
            // A digest's algorithm may be upper case; only the name before it may not.
            let name = repository.split_once('@').map_or(repository, |(name, _)| name);
            if name.chars().any(char::is_uppercase) {
                return Err(InvalidReference::Uppercase { repository: repository.to_owned() });
            }
        }
        let full = format!("{domain}/{remainder}");
        let parts = REFERENCE.captures(&full).ok_or(InvalidReference::Format)?;
        let part = |index: usize| parts.get(index).map(|found| found.as_str().to_owned());
        let (registry, repository) = (domain, part(2).unwrap_or_default());
        if registry.len() + 1 + repository.len() > MAX_NAME {
            return Err(InvalidReference::TooLong);
        }
        let digest = part(4);
        if digest.as_deref().is_some_and(|digest| !valid_digest(digest)) {
            return Err(InvalidReference::Format);
        }
        let tag = part(3).or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Self { registry, repository, tag, digest })
    }

    /// Host and port, e.g. `docker.io` or `localhost:5001`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The path inside the registry, e.g. `library/nginx`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// None where there is a digest and no tag beside it; else it is `latest` where none was written.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// `sha256:…`, where one was written.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Registry and repository: what the kubelet looks up in its keyring, and what a repo digest starts with.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// What the manifest endpoint takes: the digest when there is one, else the tag.
    #[must_use]
    pub fn object(&self) -> &str {
        self.digest().or(self.tag()).unwrap_or("latest")
    }

    /// As containerd names the image: a digest makes the tag fall away.
    #[must_use]
    pub fn canonical(&self) -> String {
        match &self.digest {
            Some(digest) => format!("{}@{digest}", self.name()),
            None => self.to_string(),
        }
    }

    /// The name under which `folder` (`docker.io/rehearsal`, `ghcr.io/me`) keeps this image for whoever is called
    /// `scope`: one level below the folder, which is the least that every registry offers. Tag and digest stay.
    ///
    /// # Errors
    /// Where the folder and the scope make no name.
    pub fn kept_in(&self, folder: &str, scope: &str) -> Result<Self, InvalidReference> {
        let name = format!("{}/{scope}-{}", folder.trim_end_matches('/'), self.repository.replace('/', "-"));
        let kept = Self::parse(&name)?;
        Ok(Self { tag: self.tag.clone(), digest: self.digest.clone(), ..kept })
    }

    /// The same repository, tag and digest in another registry.
    #[must_use]
    pub fn with_registry(&self, registry: &str) -> Self {
        Self { registry: registry.to_owned(), ..self.clone() }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for ImageRef {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// distribution's `splitDockerDomain`: a first part without dot, port or capital is a user of Docker Hub.
fn split_domain(text: &str) -> (String, String) {
    let (domain, remainder) = match text.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':']) || first == "localhost" || first.chars().any(char::is_uppercase) =>
        {
            (if first == "index.docker.io" { DEFAULT_REGISTRY } else { first }, rest)
        }
        _ => (DEFAULT_REGISTRY, text),
    };
    let official = domain == DEFAULT_REGISTRY && !remainder.contains('/');
    (domain.to_owned(), if official { format!("library/{remainder}") } else { remainder.to_owned() })
}

/// The digest algorithms the OCI image specification registers, with their lengths in hexadecimal digits.
fn valid_digest(digest: &str) -> bool {
    let lengths = [("sha256", 64), ("sha384", 96), ("sha512", 128)];
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        lengths.contains(&(algorithm, hex.len())) && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn familiar_names_become_normalised_ones() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (text, normalised) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("a/b", "docker.io/a/b:latest"),
            ("a/b:v0", "docker.io/a/b:v0"),
            ("index.docker.io/a/b", "docker.io/a/b:latest"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("index.docker.io/nginx:1", "docker.io/library/nginx:1"),
            ("localhost/b", "localhost/b:latest"),
            ("localhost:5001/a/b:1.0.0", "localhost:5001/a/b:1.0.0"),
            ("test.com:tag", "docker.io/library/test.com:tag"),
            ("test:5000", "docker.io/library/test:5000"),
            ("test:5000/repo", "test:5000/repo:latest"),
            ("test:5000/repo:tag", "test:5000/repo:tag"),
            ("Asdf.com/foo/bar", "Asdf.com/foo/bar:latest"),
            ("Foo/farn", "Foo/farn:latest"),
            ("foo_bar.com:8080", "docker.io/library/foo_bar.com:8080"),
            ("foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080"),
            ("u/a--b__c.d:_T.1-x", "docker.io/u/a--b__c.d:_T.1-x"),
            ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com"),
            ("[2001:db8::1]:5000/repo", "[2001:db8::1]:5000/repo:latest"),
        ] {
            assert_eq!(ImageRef::parse(text).map(|r| r.to_string()).as_deref(), Ok(normalised), "{text}");
        }
        let both = ImageRef::parse(&format!("a/b:v1@{digest}")).unwrap();
        assert_eq!((both.tag(), both.object()), (Some("v1"), digest.as_str()));
        assert_eq!(both.canonical(), format!("docker.io/a/b@{digest}"));
        assert_eq!(ImageRef::parse(&format!("a/b@{digest}")).unwrap().tag(), None);
        assert_eq!(both.with_registry("127.0.0.1:1").to_string(), format!("127.0.0.1:1/a/b:v1@{digest}"));
    }

    #[test]
    fn what_is_wrong_is_said_in_distributions_words() {
        for (text, message) in [
            ("", "invalid reference format"),
            ("a::b", "invalid reference format"),
            ("app1::1.0.0", "invalid reference format"),
            ("https://docker.io/a/b", "invalid reference format"),
            ("repo@sha256:ffff", "invalid reference format"),
            ("-foo/bar", "invalid reference format"),
            ("a/b:", "invalid reference format"),
            ("a/b ", "invalid reference format"),
            ("foo/foo__-bar", "invalid reference format"),
            ("validname@invaliddigest:ffffffffffffffffffffffffffffffff", "invalid reference format"),
            ("cloud/App1:1", "invalid reference format: repository name (cloud/App1) must be lowercase"),
            ("Uppercase:tag", "invalid reference format: repository name (library/Uppercase) must be lowercase"),
        ] {
            assert_eq!(ImageRef::parse(text).unwrap_err().to_string(), message, "{text}");
        }
        assert_eq!(ImageRef::parse(&"a/".repeat(128)).unwrap_err(), InvalidReference::Format);
        assert_eq!(ImageRef::parse(&format!("{}a", "a/".repeat(128))).unwrap_err(), InvalidReference::TooLong);
        assert!(matches!(ImageRef::parse(&"a".repeat(64)), Err(InvalidReference::Identifier { .. })));
    }
}
