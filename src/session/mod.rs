//! Sessions: one run each, with an id that labels everything it creates, a folder for what it writes, a lock that tells
//! the living from the dead, and a ledger of what it owes. Knows not how things are made, nor how they go.

mod dead;
mod ledger;
mod living;
mod lock;

pub(crate) use dead::{Dead, dead, living, trim_reports};
pub(crate) use ledger::{Debt, Ledger, Payer};
pub(crate) use living::{Error, STAGE_VARIABLE, Session, end_processes};
pub(crate) use lock::{Life, life};
pub use lock::{lock_dir, lock_of};

/// Whether the session that wrote this owner label may be playing still.
pub fn is_alive(owner: &str) -> bool {
    life(owner) != Life::Dead
}
