//! Whether labs notice: one thing of the stage or of a lab is broken at a time, the lab is played, and it has to come out
//! otherwise and to say what was broken. `faults` is the table, `plan` makes of a lab and a fault what is played (pure),
//! `play` plays it, `outcome` says what came of it. Knows no terminals.

mod change;
mod facts;
mod faults;
mod outcome;
mod plan;
mod play;

pub(crate) use faults::{FAULTS, chosen};
pub(crate) use outcome::{FaultOutcome, FaultRow, Report};
pub(crate) use plan::{Broken, Error, SabotagePlan, StageVariant};
pub(crate) use play::{Breaker, rows};
