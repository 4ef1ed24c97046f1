//! Finds nginx's headers; compiles and binds the accessors.

fn main() {
    ffi_headers::report(ffi_headers::nginx::build());
}
