//! Where fences stand: a shell with an environment and folders of its own, confined to them; an API server and a docker
//! that are the lab's; the watch that sees what they do; and the clean-up after it. Knows no checks and no verdicts.

mod cleanup;
mod confinement;
mod environment;
mod namespaces;
mod shell;
mod site;
mod watch;

pub use cleanup::{Before, Error as CleanupError, remove};
pub use confinement::{Reach, missing as missing_confinement};
pub(crate) use namespaces::make;
pub use shell::{Error as ShellError, Ground as ShellGround, Printed, Shell};
pub use site::{Error, Ground, Leaving, OnRequest, Site, clear};
pub use watch::{NotWatching, Watch};
