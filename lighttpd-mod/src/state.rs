//! What lives as long as the module is loaded: the configuration, and what belongs to a process.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use mp4seek::Seeker;
use mp4seek::answer::DEFAULT_CACHE_SIZE;
use mp4seek::server::Board;
use once_cell::unsync::OnceCell;

use crate::config::{Config, Section};
use crate::ffi::{self, Module};
use crate::measures::SharedBoard;
use crate::pace::Clock;
use crate::pool::Pool;
use crate::request::Request;

/// What lives as long as the module is loaded. Until `worker_init` it is configuration and nothing
/// else: with `server.max-worker` every worker is a copy of the process that read it.
pub(crate) struct State {
    sections: Vec<Section>,
    /// Whether some section guards films.
    has_guards: bool,
    worker: OnceCell<Worker>,
    /// The last field: what the others do when they are dropped may still count.
    board: Option<SharedBoard>,
}

/// What belongs to a process that serves requests.
pub(crate) struct Worker {
    seeker: RefCell<Arc<Seeker>>,
    pub(crate) pool: Pool,
    /// Copied with the requests that wait for it.
    pub(crate) clock: Rc<Clock>,
}

impl State {
    /// The state that [`Self::leave_in`] left, for the time of a hook.
    pub(crate) fn of<'hook>(module: Module<'hook>) -> Option<&'hook Self> {
        // SAFETY: the module of the running hook. The pointer is null or what `leave_in` left
        // there, which lives until the server unloads its modules.
        unsafe { ffi::h264_state(module.raw).cast::<Self>().as_ref() }
    }

    /// Leaves the state in the server's record of the module, until [`Self::take_back`].
    pub(crate) fn leave_in(self, module: Module<'_>) {
        // SAFETY: the module of the running hook; `take_back` owns the box again.
        unsafe { ffi::h264_set_state(module.raw, Box::into_raw(Box::new(self)).cast()) };
    }

    /// Drops the state, when the server unloads its modules.
    ///
    /// # Safety
    /// No request is alive, and nothing borrows the state.
    pub(crate) unsafe fn take_back(module: Module<'_>) {
        // SAFETY: the module of the running hook; the pointer is null or what `leave_in` left
        // there.
        unsafe {
            let state: *mut Self = ffi::h264_state(module.raw).cast();
            ffi::h264_set_state(module.raw, std::ptr::null_mut());
            if !state.is_null() {
                drop(Box::from_raw(state));
            }
        }
    }

    /// Reads the configuration; what is wrong with it, where the server has not
    /// said so already.
    pub(crate) fn read(server: *mut ffi::server, module: Module<'_>) -> Result<Self, String> {
        // SAFETY: both are what the server handed to the hook that runs now.
        if unsafe { ffi::h264_config_read(server, module.raw) } == 0 {
            return Err(String::new());
        }
        // SAFETY: as above; the configuration has been read.
        let count = unsafe { ffi::h264_config_contexts(module.raw) };
        let sections: Vec<_> =
            (0..count).map(|index| Section::read(module, index)).collect::<Result<_, _>>()?;
        let has_guards = sections.iter().any(|section| {
            let mut alone = Config::default();
            alone.override_with(section);
            alone.has_guard()
        });
        let board = SharedBoard::new();
        if board.is_none() {
            ffi::log("there is no memory to share, and nothing is counted");
        }
        Ok(Self { sections, has_guards, worker: OnceCell::new(), board })
    }

    /// Whether something is refused of films, under some conditions.
    pub(crate) fn has_guards(&self) -> bool {
        self.has_guards
    }

    /// Makes what belongs to this process.
    pub(crate) fn start_worker(&self, server: *mut ffi::server) -> Result<(), String> {
        let worker = || {
            let pool = Pool::new(server, self.board())
                .map_err(|e| format!("mod_h264_streaming cannot make an event: {e}"))?;
            Ok(Worker { seeker: RefCell::new(self.new_seeker()), pool, clock: Rc::default() })
        };
        self.worker.get_or_try_init(worker).map(|_| ())
    }

    fn new_seeker(&self) -> Arc<Seeker> {
        let cache_size = self.sections.iter().find_map(|section| section.cache_size);
        Arc::new(Seeker::new(cache_size.unwrap_or(DEFAULT_CACHE_SIZE)))
    }

    /// What belongs to this process; `None` where it serves no requests.
    pub(crate) fn worker(&self) -> Option<&Worker> {
        self.renew_copied_worker();
        self.worker.get()
    }

    /// Replaces what belongs to a process, where this process is a copy of the one that created it.
    pub(crate) fn renew_copied_worker(&self) {
        if let Some(worker) = self.worker.get().filter(|worker| worker.pool.is_copied()) {
            // Threads that do not exist here may have held locks of the cache.
            worker.seeker.replace(self.new_seeker());
            worker.pool.renew();
        }
    }

    /// The counts of all workers.
    pub(crate) fn board(&self) -> Option<&'static Board> {
        self.board.as_ref().map(SharedBoard::board)
    }

    /// Whether the counts can be asked for at this path, under some conditions.
    pub(crate) fn may_be_metrics(&self, path: &[u8]) -> bool {
        self.sections.iter().any(|section| section.metrics_url() == Some(path))
    }

    /// The options that hold for a request.
    ///
    /// What guards a film guards what is behind it. The server may have decided conditions on the path
    /// that came, with what is behind the film, as some other module asked: then those that guard the
    /// film are decided again.
    pub(crate) fn config(&self, request: &Request<'_>) -> Config<'_> {
        let config = self.decided(request);
        if !self.has_guards || request.path_info().is_empty() {
            return config;
        }
        let of_film = request.by_film(|| self.decided(request));
        // What only says which clips there may be does not take the place of a key or a window.
        if of_film.is_guarded() || (of_film.has_guard() && !config.has_guard()) { of_film } else { config }
    }

    /// The options whose conditions hold as they are decided now.
    fn decided(&self, request: &Request<'_>) -> Config<'_> {
        let mut config = Config::default();
        for section in &self.sections {
            if section.condition.is_none_or(|condition| request.holds(condition)) {
                config.override_with(section);
            }
        }
        config
    }
}

impl Worker {
    pub(crate) fn seeker(&self) -> Arc<Seeker> {
        Arc::clone(&self.seeker.borrow())
    }
}
