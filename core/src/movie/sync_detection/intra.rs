//! Codings of which every picture can be decoded on its own.

/// Whether a sample description names one of them: JPEG and its kin, ProRes, DNxHD, DV, AVC-Intra
/// without a configuration, Cineform, Hap, and pictures that are not compressed.
pub(super) fn is_coding(coding: &[u8; 4]) -> bool {
    matches!(coding, b"jpeg" | b"mjpa" | b"mjpb" | b"mjpg" | b"MJPG" | b"AVDJ" | b"dmb1")
        || matches!(coding, b"mjp2" | b"j2ki" | b"jxsm" | b"png " | b"MPNG" | b"tiff" | b"tga " | b"gif ")
        || matches!(coding, b"apch" | b"apcn" | b"apcs" | b"apco" | b"ap4h" | b"ap4x" | b"aprn" | b"aprh")
        || matches!(coding, b"AVdn" | b"AVdh" | b"CFHD" | b"icod" | b"DXDI" | b"DXD3" | b"magy" | b"M8RG")
        || matches!(
            coding,
            b"raw " | b"uncv" | b"2vuy" | b"yuv2" | b"yuvs" | b"v210" | b"v216" | b"v308" | b"v408"
        )
        || matches!(coding, b"v410" | b"r210" | b"R10k" | b"b64a" | b"b48r" | b"b32a" | b"b16g")
        || matches!(coding, b"dvc " | b"dvcp" | b"dvpp" | [b'd', b'v', b'5' | b'h', _])
        || matches!(coding, [b'a', b'i', b'1' | b'5', _] | [b'H', b'a', b'p', _])
}
