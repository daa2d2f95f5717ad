use proptest::{
    prelude::RngExt,
    test_runner::{RngAlgorithm, TestRng},
};

/// Chance that can be had again: a test prints the seed, and `TRUNKLINE_FAULT_SEED` gives another one.
pub(crate) struct Chance {
    rng: TestRng,
}

impl Chance {
    /// Prints the seed, which a test runner shows when the test fails.
    pub(crate) fn new(usual: u64) -> Self {
        let seed = seed(usual);
        eprintln!("again with TRUNKLINE_FAULT_SEED={seed}");
        Self::of(seed)
    }

    /// Another one, so that tasks do not share theirs.
    pub(crate) fn fork(&mut self) -> Self {
        Self::of(self.rng.random())
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound)
    }

    /// A number of the range.
    pub(crate) fn within(&mut self, range: std::ops::Range<usize>) -> usize {
        self.rng.random_range(range)
    }

    /// True once in `times`.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of(seed: u64) -> Self {
        Self { rng: rng(seed) }
    }
}

/// The seed from the environment, else the usual one.
pub(crate) fn seed(usual: u64) -> u64 {
    std::env::var("TRUNKLINE_FAULT_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// proptest's own generator, from a number.
pub(crate) fn rng(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}
