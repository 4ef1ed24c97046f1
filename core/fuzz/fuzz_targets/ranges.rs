//! Ranges of every form of a clip: a film, and what is asked of it.
#![no_main]

#[expect(dead_code, reason = "not all of it is for this target")]
#[path = "../../tests/hostile/queries.rs"]
mod queries;
#[path = "../../tests/hostile/ranges.rs"]
mod ranges;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((film, form, ranges)) = ranges::split(data) {
        let _ = ranges::judge_ranges(film, &form, &ranges);
    }
});
