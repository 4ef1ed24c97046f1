//! Any bytes as a film: the text of its tracks, and its chapters.
#![no_main]

#[expect(dead_code, reason = "not all of it is for this target")]
#[path = "../../tests/hostile/allocator.rs"]
mod allocator;
#[expect(dead_code, reason = "not all of it is for this target")]
#[path = "../../tests/hostile/queries.rs"]
mod queries;
#[path = "../../tests/hostile/text_judge.rs"]
mod text_judge;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for query in queries::of(data) {
        text_judge::judge_text(data, &query);
    }
});
