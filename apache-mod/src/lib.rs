//! mod_h264_streaming for apache.
