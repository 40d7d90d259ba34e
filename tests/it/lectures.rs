//! Any bytes are read as a lecture, or refused: what the fuzz target asks, of texts that stand here.

use std::path::Path;

#[path = "../../fuzz/harness.rs"]
mod harness;

/// xorshift: the same texts on every machine.
fn random(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed % (1 << 31)).unwrap_or_default()
}

#[test]
fn cut_and_shuffled_lectures_break_neither_the_reader_nor_lint() {
    let traps = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lectures/traps.md")).unwrap();
    let pieces: [&[u8]; 14] = [
        b"```",
        b"\n```bash\n",
        b"<<END\n",
        b"'",
        b"\"",
        b"$(",
        b"---\n",
        b"\xff",
        b"\xc3",
        b"> ",
        b"    ",
        b"{{<",
        b"\t",
        b"\\\n",
    ];
    let seed = &mut 0x5eed_1ec7_u64;
    for _ in 0..200 {
        let mut bytes = traps.clone();
        for _ in 0..1 + random(seed) % 12 {
            let at = random(seed) % bytes.len().max(1);
            match random(seed) % 3 {
                0 => drop(bytes.splice(at..at, pieces[random(seed) % pieces.len()].iter().copied())),
                1 => drop(bytes.drain(at..(at + random(seed) % 200).min(bytes.len()))),
                _ => bytes.truncate(at.max(40)),
            }
        }
        harness::lecture(&bytes);
    }
}

#[test]
fn the_fuzz_target_takes_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/lecture");
    let files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 4, "{files:?}");
    files.iter().for_each(|file| harness::lecture(&std::fs::read(file).unwrap()));
}
