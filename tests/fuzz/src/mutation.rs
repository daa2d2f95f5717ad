//! Bent seeds for the ordinary tests, the same in every run: what libFuzzer does at length, they do in a second.

use std::path::Path;

/// Every seed of a target, in the order of names.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{} holds no seeds", folder.display());
    files.iter().map(|file| std::fs::read(file).expect("a seed")).collect()
}

/// Tries the seeds as they are, and so many texts made of them.
pub(crate) fn bend(target: &str, count: usize, mut attempt: impl FnMut(&[u8])) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| attempt(seed));
    let mut dice = Dice(0x7472_756e_6b6c_696e);
    for round in 0..count {
        attempt(&dice.bent(&seeds, round % seeds.len()));
    }
}

/// Xorshift: a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }

    /// A seed with pieces gone, doubled, replaced, or taken from another seed.
    fn bent(&mut self, seeds: &[Vec<u8>], which: usize) -> Vec<u8> {
        const PIECES: [&[u8]; 27] = [
            b"{",
            b"}",
            b"[",
            b"]",
            b"\"",
            b"\\",
            b"\\ud800",
            b"\0",
            b"null",
            b"1e999",
            b"<",
            b">",
            b"&#x1F600;",
            b"&",
            b"<![CDATA[",
            b"]]>",
            b"<!--",
            b"\xf0\x9f\x98\x80",
            b"\xff",
            b"\xef\xbb\xbf",
            b"\r\n",
            b"\r\n ",
            b"\r\n\r\n",
            b"\r\nl: 1\r\n",
            b";",
            b",",
            b"%",
        ];
        let mut bytes = seeds[which].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(12)).min(bytes.len());
            let other = &seeds[self.below(seeds.len())];
            let from = self.below(other.len() + 1);
            let piece = &other[from..(from + self.below(40)).min(other.len())];
            match self.below(6) {
                0 => drop(bytes.drain(at..end)),
                1 => bytes.truncate(at),
                2 => drop(bytes.splice(at..at, piece.iter().copied())),
                3 => {
                    let doubled = bytes[at..end].repeat(1 + self.below(80));
                    drop(bytes.splice(at..at, doubled));
                }
                4 => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
                _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => {}
            }
        }
        bytes
    }
}
