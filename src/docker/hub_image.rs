//! The images that labs take from Docker Hub, by name. Knows not how they are found.

/// An image that labs take from Docker Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum HubImage {
    Registry2,
    Python39Slim,
}

impl HubImage {
    pub const ALL: [HubImage; 2] = [HubImage::Registry2, HubImage::Python39Slim];

    /// The name on the hub.
    pub fn name(self) -> &'static str {
        match self {
            HubImage::Registry2 => "registry:2",
            HubImage::Python39Slim => "python:3.9-slim",
        }
    }

    /// The local name of its stand-in: the user's own tags stay what they are.
    pub fn stand_in(self) -> &'static str {
        match self {
            HubImage::Registry2 => "rehearsal/registry:2-stand-in",
            HubImage::Python39Slim => "rehearsal/python:3.9-slim-stand-in",
        }
    }
}
