//! Traces as JSON lines beside the events: what snapshots, diffs and readers with questions take up later.

use std::io::{LineWriter, Write};
use std::path::Path;

use serde_json::json;

use crate::mask::Masker;
use crate::observe::Trace;
use crate::secret::private_file;

/// Writes `traces.jsonl`: `{"lab": 1, "trace": {…}}`, a line for each pod of each lab, masked.
///
/// # Errors
/// Where the file cannot be written.
pub(crate) fn write_traces<'a>(
    dir: &Path,
    masker: &Masker,
    labs: impl IntoIterator<Item = (u32, &'a [Trace])>,
) -> std::io::Result<()> {
    let mut file = LineWriter::new(private_file(&dir.join("traces.jsonl"))?);
    for (lab, trace) in labs.into_iter().flat_map(|(lab, traces)| traces.iter().map(move |trace| (lab, trace))) {
        let mut line = json!({ "lab": lab, "trace": trace });
        masker.mask_json(&mut line);
        writeln!(file, "{line}")?;
    }
    file.flush()
}
