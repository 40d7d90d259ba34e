//! Plays labs: executes steps, records what the cluster did, judges it, and tells it as events.
//! Knows no terminals and not which cluster it plays on.

mod check;
mod evidence;
mod hint;
mod lab;
mod matrix;
mod play;
mod yardstick;

pub use lab::{Error, Played};
pub use matrix::{Column, Difference, differences};
pub use play::{Player, Tools, finish};
pub use yardstick::measure;
