//! The hooks: what the server calls, and when.

use mp4seek::server::boundary;

use crate::context::Context;
use crate::ffi::{self, Module, h264_outcome};
use crate::handler;
use crate::measures;
use crate::request::Request;
use crate::state::State;

/// What the server calls.
pub(crate) static HOOKS: ffi::h264_hooks = ffi::h264_hooks {
    set_defaults: Some(set_defaults),
    worker_init: Some(worker_init),
    trigger: Some(trigger),
    cleanup: Some(cleanup),
    uri_clean: Some(uri_clean),
    subrequest_start: Some(subrequest_start),
    subrequest: Some(subrequest),
    response_start: Some(response_start),
    request_reset: Some(request_reset),
};

unsafe extern "C" fn set_defaults(server: *mut ffi::server, module: *mut ffi::h264_module) -> h264_outcome {
    boundary(|| ffi::H264_ERROR, || with_module(module, |module| configure(server, module)))
}

unsafe extern "C" fn worker_init(server: *mut ffi::server, module: *mut ffi::h264_module) -> h264_outcome {
    boundary(|| ffi::H264_ERROR, || with_module(module, |module| start_worker(server, module)))
}

unsafe extern "C" fn trigger(module: *mut ffi::h264_module) {
    boundary(|| (), || with_module(module, begin_second));
}

unsafe extern "C" fn cleanup(module: *mut ffi::h264_module) {
    // SAFETY: no request is alive when the server unloads its modules.
    boundary(|| (), || with_module(module, |module| unsafe { State::take_back(module) }));
}

unsafe extern "C" fn uri_clean(r: *mut ffi::request_st, module: *mut ffi::h264_module) -> h264_outcome {
    boundary(|| ffi::H264_GO_ON, || with(r, module, measures::answer))
}

unsafe extern "C" fn subrequest_start(
    r: *mut ffi::request_st,
    module: *mut ffi::h264_module,
) -> h264_outcome {
    boundary(|| ffi::H264_GO_ON, || with(r, module, handler::claim))
}

unsafe extern "C" fn subrequest(r: *mut ffi::request_st, module: *mut ffi::h264_module) -> h264_outcome {
    boundary(|| with(r, module, handler::give_up), || with(r, module, handler::handle))
}

unsafe extern "C" fn response_start(r: *mut ffi::request_st, module: *mut ffi::h264_module) -> h264_outcome {
    boundary(|| ffi::H264_GO_ON, || with(r, module, handler::complete_head))
}

unsafe extern "C" fn request_reset(r: *mut ffi::request_st, module: *mut ffi::h264_module) -> h264_outcome {
    boundary(|| ffi::H264_GO_ON, || with(r, module, forget))
}

fn with(
    r: *mut ffi::request_st,
    module: *mut ffi::h264_module,
    hook: impl FnOnce(&mut Request<'_>) -> h264_outcome,
) -> h264_outcome {
    // SAFETY: called by the hooks above with what the server handed them, one
    // after the other.
    match unsafe { Request::new(r, module) } {
        Some(mut request) => hook(&mut request),
        None => ffi::H264_ERROR,
    }
}

fn with_module<T>(module: *mut ffi::h264_module, hook: impl FnOnce(Module<'_>) -> T) -> T {
    // SAFETY: called by the hooks above with what the server handed them.
    hook(unsafe { Module::new(module) })
}

fn configure(server: *mut ffi::server, module: Module<'_>) -> h264_outcome {
    match State::read(server, module) {
        Ok(state) => {
            // SAFETY: the module of the running hook, which has looked for the others.
            if unsafe { ffi::h264_is_behind_static(module.raw) } != 0 {
                if state.has_guards() {
                    return refuse(server, &format!("{UNGUARDED}: {BEHIND_STATIC}"));
                }
                // SAFETY: the server of the running hook; the message is not kept.
                unsafe { ffi::h264_log_server(server, ffi::bytes(BEHIND_STATIC.as_bytes())) };
            }
            state.leave_in(module);
            ffi::H264_GO_ON
        }
        Err(message) => refuse(server, &message),
    }
}

fn start_worker(server: *mut ffi::server, module: Module<'_>) -> h264_outcome {
    let Some(state) = State::of(module) else { return ffi::H264_ERROR };
    match state.start_worker(server) {
        Ok(()) => ffi::H264_GO_ON,
        Err(message) => refuse(server, &message),
    }
}

const BEHIND_STATIC: &str = "server.modules has mod_staticfile before mod_h264_streaming, and so sends films as they are; list mod_h264_streaming before it";
const UNGUARDED: &str =
    "h264-streaming.secret-file, window and others that say what may be seen would hold for nothing";

/// Keeps the server from starting; an empty message is one that the server has written itself.
fn refuse(server: *mut ffi::server, message: &str) -> h264_outcome {
    if !message.is_empty() {
        // SAFETY: the server of the running hook; the message is not kept.
        unsafe { ffi::h264_log_server(server, ffi::bytes(message.as_bytes())) };
    }
    ffi::H264_ERROR
}

fn begin_second(module: Module<'_>) {
    // A process that was copied has requests that nothing else would wake: `worker` renews it.
    if let Some(worker) = State::of(module).and_then(State::worker) {
        worker.clock.tick();
    }
    measures::publish(module);
}

fn forget(request: &mut Request<'_>) -> h264_outcome {
    drop(Context::take_from(request));
    ffi::H264_GO_ON
}
