//! The box reader and the index, on any bytes.
#![no_main]

#[expect(dead_code, reason = "not all of it is for this target")]
#[path = "../../tests/hostile/allocator.rs"]
mod allocator;

use libfuzzer_sys::fuzz_target;
use mp4seek::boxes::Reader;
use mp4seek::index::Index;

fuzz_target!(|data: &[u8]| {
    let source = data.to_vec();
    let len = source.len() as u64;
    let ((), memory) = allocator::peak(|| {
        let mut reader = Reader::new(&source, len);
        walk(&mut reader, 0, len, 0);
        let (index, held) = allocator::held(|| Index::build(&source, len));
        if let Ok(index) = index {
            // The cache goes by what an index says it holds.
            let said = index.heap_size() as u64;
            assert!(held <= said + said / 4 + 1024, "{held} bytes held, {said} said");
        }
    });
    assert!(memory <= (4 << 20) + 64 * len, "{memory} bytes of memory for a file of {len}");
});

fn walk(reader: &mut Reader<'_, Vec<u8>>, from: u64, end: u64, depth: u32) {
    let Ok(children) = reader.children(from, end) else { return };
    let mut at = from;
    for child in &children {
        assert!(child.offset == at && child.end() <= end && child.payload() <= child.end());
        at = child.end();
        let payload = reader.payload(child, 0).map(<[u8]>::len).ok();
        assert!(payload.is_none_or(|n| n as u64 == child.payload_len()));
        if depth < 8 {
            walk(reader, child.payload(), child.end(), depth + 1);
        }
    }
}
