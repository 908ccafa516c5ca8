//! The processor as this program sees it, which under valgrind is the one that valgrind makes up.

/// The architecture, and which of the features are there that memchr, the standard library or the C library decide by.
pub(crate) fn seen() -> String {
    let mut seen = std::env::consts::ARCH.to_owned();
    for (feature, is_there) in features() {
        if is_there {
            seen.push(' ');
            seen.push_str(feature);
        }
    }
    seen
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<(&'static str, bool)> {
    macro_rules! detect {
        ($($feature:tt)*) => {
            vec![$(($feature, std::arch::is_x86_feature_detected!($feature))),*]
        };
    }
    detect!("sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "lzcnt" "bmi1" "bmi2" "fma" "avx" "avx2" "avx512f" "avx512bw" "avx512vl" "avx512vbmi2")
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<(&'static str, bool)> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_architecture_first_and_nothing_twice() {
        let seen = seen();
        let words: Vec<&str> = seen.split(' ').collect();
        assert_eq!(words.first(), Some(&std::env::consts::ARCH));
        for (at, word) in words.iter().enumerate() {
            assert!(!words[..at].contains(word), "{word} in {seen}");
        }
    }
}
