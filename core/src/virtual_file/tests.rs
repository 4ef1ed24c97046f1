use std::fs;

use super::*;

#[test]
fn a_text_is_sent_whole_whatever_becomes_of_the_file() {
    let path = tempfile::NamedTempFile::new().unwrap();
    fs::write(path.path(), [0; 40_000]).unwrap();
    let source = path.reopen().unwrap();
    let identity = Identity::of(&source.metadata().unwrap());
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    let text = VirtualFile::text(bytes.clone().into(), "/text/t1.vtt", &identity).of_type("text/vtt");
    fs::write(path.path(), "another").unwrap();
    assert_eq!((text.len(), text.media_type(), text.is_compressible()), (100_000, Some("text/vtt"), true));
    assert!(text.etag().ends_with("-/text/t1.vtt\""), "{}", text.etag());
    // It is sent in windows, as the rest is, to its last byte.
    let (mut sent, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let batch = text.next(&source, &(at..text.len()), 30_000);
        assert_eq!((batch.len(), batch.media.is_empty()), ((100_000 - at).min(30_000), true));
        let mut window = vec![0; batch.generated];
        text.read_at(&source, at, &mut window).unwrap();
        sent.extend(window);
        at += batch.len();
    }
    assert!(sent == bytes);
    assert!(text.read_at(&source, 99_999, &mut [0; 2]).is_err());
}
