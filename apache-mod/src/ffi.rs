//! Bindings of our own narrow header (`h264_apache.h`).
#![expect(non_camel_case_types, reason = "the names of the server's headers")]
#![expect(unreachable_pub, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
