//! The ways to cut a stream into chunks.

use super::random::Random;

/// The longest input that is cut at every place.
pub const EXHAUSTIVE_UP_TO: usize = 8 << 10;

/// How many places are tried in a longer one.
pub const SAMPLED_SPLITS: usize = 2_000;

/// Cuts `input` at ascending positions. Equal ones, and those at the ends, make empty chunks.
pub fn at<'i>(input: &'i [u8], positions: &[usize]) -> Vec<&'i [u8]> {
    let mut chunks = Vec::with_capacity(positions.len() + 1);
    let mut from = 0;
    for &position in positions {
        chunks.push(&input[from..position]);
        from = position;
    }
    chunks.push(&input[from..]);
    chunks
}

/// Byte by byte.
pub fn bytes(input: &[u8]) -> Vec<&[u8]> {
    input.chunks(1).collect()
}

/// Every way to cut in two, an empty half included; a seeded choice of them if the input is long.
pub fn in_two(input: &[u8]) -> impl Iterator<Item = [&[u8]; 2]> {
    let exhaustive = input.len() <= EXHAUSTIVE_UP_TO;
    let splits = if exhaustive {
        input.len() + 1
    } else {
        SAMPLED_SPLITS
    };
    let mut random = Random::new(0x5EED);
    (0..splits).map(move |split| {
        let (before, after) = input.split_at(if exhaustive {
            split
        } else {
            random.below(input.len() + 1)
        });
        [before, after]
    })
}

/// At random: few cuts or many, with empty chunks among them, also as the first and the last.
pub fn random<'i>(input: &'i [u8], random: &mut Random) -> Vec<&'i [u8]> {
    let most = if random.once_in(2) {
        4
    } else {
        input.len() + 2
    };
    let mut positions: Vec<usize> = (0..random.below(most + 1))
        .map(|_| random.below(input.len() + 1))
        .collect();
    if random.once_in(4) {
        positions.extend([0, 0, input.len()]);
    }
    positions.sort_unstable();
    at(input, &positions)
}

/// Calls `each` with every kind of cut of `input`: whole, with an empty chunk in front, in two at every place, byte by byte,
/// and `random_cuts` times at random. Gives the number of cuts.
pub fn every_kind(
    input: &[u8],
    random_cuts: usize,
    seed: u64,
    mut each: impl FnMut(&[&[u8]]),
) -> usize {
    let mut count = 3;
    each(&[input]);
    each(&[&[], input]);
    each(&bytes(input));
    for halves in in_two(input) {
        count += 1;
        each(&halves);
    }
    let mut numbers = Random::new(seed);
    for _ in 0..random_cuts {
        count += 1;
        each(&random(input, &mut numbers));
    }
    count
}
