//! Many clients that lose their server at the same moment do not bring it down when it is back.
#![cfg(feature = "std")]

#[path = "../examples/herd.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a program, too")]
mod herd;

use core::time::Duration;
use herd::{policies, simulate};

#[test]
fn a_herd_comes_back_within_a_minute_and_a_tenth_at_a_time() {
    let outage = Duration::from_secs(30);
    for seed in [1, 99] {
        let [fixed, default, longer] =
            policies().map(|(_, policy)| simulate(policy, 20_000, outage, seed));
        // All of them at once, as often as they can.
        assert_eq!(fixed.peak(30..), 20_000);
        assert!(default.peak(30..) * 10 <= fixed.peak(30..), "{default:?}");
        assert!(longer.peak(30..) * 10 <= fixed.peak(30..), "{longer:?}");
        for herd in [&fixed, &default] {
            assert!(herd.last_back <= Duration::from_secs(60), "{herd:?}");
        }
        // Not even the first time do they come together.
        assert!(default.peak(..30) * 2 < fixed.peak(..30), "{default:?}");
    }
}
