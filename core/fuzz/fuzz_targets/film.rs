//! Any bytes as a film: index, descriptions, a few requests, all bytes of the answers.
#![no_main]

#[expect(dead_code, reason = "not all of it is for this target")]
#[path = "../../tests/hostile/allocator.rs"]
mod allocator;
#[path = "../../tests/hostile/judge.rs"]
mod judge;
#[path = "../../tests/hostile/queries.rs"]
mod queries;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    judge::judge_descriptions(data);
    for query in queries::of(data) {
        judge::judge(data, &query);
    }
});
