//! Looking for secrets in whatever a run shows or leaves, in every form that a program or a careless hand gives them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Where a text was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// What a terminal was sent.
    Terminal,
    /// Standard output with `--json`.
    Json,
    /// Standard error.
    Stderr,
    Events,
    Traces,
    Junit,
    Html,
    /// The records of a check.
    Check,
    /// The corrections that a check suggests.
    Patch,
    /// What `--record` keeps of a terminal.
    Cast,
    /// Files that stand only while a run goes on.
    Private,
    /// Command lines of the run's processes and of those in its containers.
    Arguments,
    Environment,
    /// What the Engine says of the run's containers.
    Container,
}

impl Kind {
    /// Those of a run; a check has its own beside its outputs and what it keeps.
    pub(super) const OF_RUNS: [Self; 12] = [
        Self::Terminal,
        Self::Cast,
        Self::Json,
        Self::Stderr,
        Self::Events,
        Self::Traces,
        Self::Junit,
        Self::Html,
        Self::Private,
        Self::Arguments,
        Self::Environment,
        Self::Container,
    ];
}

#[derive(Debug, Clone)]
pub(super) struct Artifact {
    pub kind: Kind,
    /// A file, a process, a container.
    pub place: String,
    pub text: String,
}

/// A secret by what it is, and what it looks like.
pub(super) struct Secret {
    pub name: &'static str,
    forms: Vec<String>,
}

impl Secret {
    pub(super) fn new(name: &'static str, value: &str) -> Self {
        assert!(value.len() >= 16, "{name}: `{value}` is too short to be looked for");
        Self { name, forms: forms(value) }
    }

    fn is_in(&self, text: &str) -> bool {
        // As a reader would join wrapped lines, plain and inside JSON strings.
        let joined = text.replace("\\n", "").split_whitespace().collect::<String>();
        self.forms.iter().any(|form| joined.contains(form) || text.contains(form))
    }
}

/// Itself, its bytes in hex, and the parts of base64 that stand for the secret alone, wherever in a text it begins.
fn forms(secret: &str) -> Vec<String> {
    let aligned = |text: &str| {
        let of = |lead: usize| {
            let encoded = STANDARD.encode(format!("{}{text}", "x".repeat(lead)));
            encoded[4..encoded.len() - 4].to_owned()
        };
        (0..3).map(of).collect::<Vec<String>>()
    };
    let once = aligned(secret);
    let twice = once.iter().flat_map(|form| aligned(form));
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let url_safe = once.iter().map(|form| form.replace('+', "-").replace('/', "_"));
    twice.chain(url_safe).chain(once.iter().cloned()).chain([secret.to_owned(), hex]).collect()
}

/// Where which secrets show.
pub(super) fn scan(artifacts: &[Artifact], secrets: &[Secret]) -> BTreeSet<(Kind, String, &'static str)> {
    let pairs = artifacts.iter().flat_map(|artifact| secrets.iter().map(move |secret| (artifact, secret)));
    let found = pairs.filter(|(artifact, secret)| secret.is_in(&artifact.text));
    found.map(|(artifact, secret)| (artifact.kind, artifact.place.clone(), secret.name)).collect()
}

#[test]
fn forms_are_found_where_they_are() {
    let password = "Zx9tQ2mLw7Rk4Vb8Ns3Hd6Yc";
    let secret = Secret::new("password", password);
    for user in ["u", "us", "use"] {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        let config = format!(r#"{{"auths":{{"https://index.docker.io/v1/":{{"auth":"{pair}"}}}}}}"#);
        let wrapped = pair.as_bytes().chunks(20).map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>();
        let hex: String = password.bytes().map(|byte| format!("{byte:02x} ")).collect();
        for text in [&STANDARD.encode(&pair), &pair, &STANDARD.encode(config), &wrapped.join("\n   "), &hex] {
            assert!(secret.is_in(&format!("before {text} after")), "{text}");
        }
    }
    assert!(!secret.is_in("nothing of it: Zx9tQ2mLw7Rk"));
}
