//! mod_h264_streaming for lighttpd.
