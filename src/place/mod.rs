//! Where fences stand: a shell with an environment and folders of its own, confined to them; an API server and a docker
//! that are the lab's; the watch that sees what they do; and the clean-up after it. Knows no checks and no verdicts.

mod cleanup;
mod confinement;
mod environment;
mod namespaces;
mod shell;
mod site;
mod watch;

pub(crate) use cleanup::{Error as CleanupError, remove};
pub(crate) use confinement::missing as missing_confinement;
pub(crate) use namespaces::make;
pub(crate) use shell::{Error as ShellError, Printed, Shell, ShellSpec};
pub(crate) use site::{Error, Leaving, Site, SiteSpec, clear};
pub(crate) use watch::{NotWatching, Watch};
