//! The labels by which everything made here is found again. Knows the words, not who reads them.

use std::collections::BTreeMap;

/// The session's id: on everything a session makes, so that teardown needs no memory.
pub const SESSION: &str = "rehearsal.session";
/// Who owns the session: the path of its lock file, by which a reaper tells the dead from the living.
pub const OWNER: &str = "rehearsal.owner";
/// On a container that a lab has started: the scope in which the lab's names are its own.
pub const LAB: &str = "rehearsal.lab";
/// On an image that a lab has built: its scope. Not [`LAB`], as whatever runs an image inherits its labels.
pub const BUILT: &str = "rehearsal.built";
/// On what is kept between runs on purpose: stand-ins, the derived Python base, the app's built layers.
pub const CACHE: &str = "rehearsal.cache";
/// On a stand-in: the name of the hub image whose place it takes.
pub const STAND_IN: &str = "rehearsal.stand-in";
/// On a stand-in: why the hub image could not be had.
pub const STAND_IN_REASON: &str = "rehearsal.stand-in.reason";
/// On a cached image: a digest of what it was made from; a different one means it must be made anew.
pub const RECIPE: &str = "rehearsal.recipe";
/// On namespaces of a cluster that others use too: the host and user whose session it is.
pub const HOST: &str = "rehearsal.host";
/// Beside it: the process whose session it is.
pub const PROCESS: &str = "rehearsal.process";

/// The labels of everything a session creates.
pub fn of_session(session: &str, owner: &str) -> BTreeMap<String, String> {
    [(SESSION, session), (OWNER, owner)].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}
