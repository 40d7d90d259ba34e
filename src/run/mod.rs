//! Plays labs: executes steps, records what the cluster did, judges it, and tells it as events.
//! Knows no terminals and not which cluster it plays on.

mod check;
mod cleanup;
mod commands;
mod evidence;
mod hint;
mod kubectl;
mod lab;
mod manifest;
mod matrix;
mod names;
mod play;
mod rewrite;
mod room;
mod shell;
mod watch;
mod words;
mod yardstick;

pub use cleanup::{Error as CleanupError, remove};
pub use lab::Played;
pub use matrix::{Column, Difference, differences};
pub use play::{Error, Player, Tools, finish};
pub use rewrite::Names;
pub use shell::{Error as ShellError, Ground as ShellGround, Printed, Shell};
pub use watch::{NotWatching, Watch};
pub use yardstick::measure;
