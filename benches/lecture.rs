//! How fast lectures are read and linted, printed as a table: `cargo bench --bench lecture`. Nothing here passes or
//! fails; the figures in the second column are what the project aims at.

use std::path::Path;
use std::time::{Duration, Instant};

use rehearsal::lint::lint;
use rehearsal::script::lecture::read_text;

/// A course: as many lectures, and as many bytes in all.
const LECTURES: usize = 59;
const BYTES: usize = 1_400_000;
const AIM: Duration = Duration::from_millis(300);

fn main() {
    // `cargo test` builds benches and runs them with this argument.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lectures");
    let traps = std::fs::read_to_string(folder.join("traps.md")).unwrap_or_default();
    // The last fence of the traps is never closed; what is repeated must be.
    let whole = traps.split("## What is left open").next().unwrap_or_default();
    let lecture = whole.repeat(BYTES / LECTURES / whole.len() + 1);
    let course = vec![lecture[..BYTES / LECTURES].to_owned(); LECTURES];
    let (mut read, mut linted, mut items) = (Duration::ZERO, Duration::ZERO, 0);
    for text in &course {
        let begun = Instant::now();
        let Ok(lecture) = read_text(Path::new("lecture.md"), text.as_bytes()) else { continue };
        read += begun.elapsed();
        let begun = Instant::now();
        lint(&lecture, &|_| true);
        linted += begun.elapsed();
        items += lecture.items.len();
    }
    let total = read + linted;
    println!("{LECTURES} lectures, {BYTES} bytes, {items} items");
    println!("{:<24} {:>9.1} ms", "read", read.as_secs_f64() * 1e3);
    println!("{:<24} {:>9.1} ms", "lint", linted.as_secs_f64() * 1e3);
    let ratio = total.as_secs_f64() / AIM.as_secs_f64();
    println!("{:<24} {:>9.1} ms   {:.2} of the aim, {} ms", "both", total.as_secs_f64() * 1e3, ratio, AIM.as_millis());
}
