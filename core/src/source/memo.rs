//! What one request keeps of what it has looked up.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// The most things that are kept: what the look-ups of a few tracks need again.
const KEPT: usize = 32;

/// Things that were worked out from the file and may be needed again by the same request. Each has
/// the offset in the file of what it was worked out from.
#[derive(Default)]
pub struct Memo {
    kept: RefCell<Ring>,
}

#[derive(Default)]
struct Ring {
    things: Vec<(u64, Rc<dyn Any>)>,
    /// The one that is given up next.
    oldest: usize,
}

impl std::fmt::Debug for Memo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memo").field("kept", &self.kept.borrow().things.len()).finish()
    }
}

impl Memo {
    /// What is kept for an offset, if there is such a thing.
    pub fn get<T: 'static>(&self, offset: u64) -> Option<Rc<T>> {
        let kept = self.kept.borrow();
        let mut found = kept.things.iter().filter(|(of, _)| *of == offset);
        found.find_map(|(_, thing)| Rc::clone(thing).downcast().ok())
    }

    /// Keeps a thing. It takes the place of the oldest if there are too many.
    pub fn keep<T: 'static>(&self, offset: u64, thing: Rc<T>) {
        let kept = &mut *self.kept.borrow_mut();
        if kept.things.len() < KEPT {
            kept.things.push((offset, thing));
        } else if let Some(place) = kept.things.get_mut(kept.oldest) {
            *place = (offset, thing);
            kept.oldest = (kept.oldest + 1) % KEPT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_things_are_kept() {
        let memo = Memo::default();
        for n in 0..=KEPT as u64 {
            memo.keep(n, Rc::new(n));
        }
        assert_eq!(memo.get::<u64>(0), None);
        for n in 1..=KEPT as u64 {
            assert_eq!(memo.get::<u64>(n).as_deref(), Some(&n));
        }
        assert_eq!(memo.get::<u32>(1), None, "a thing of another kind");
    }
}
