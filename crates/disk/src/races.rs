//! Places where another program may act between two of our calls: the tests act there, the program passes by.

/// A moment between two system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The target was found as expected; the exchange comes next.
    BeforeExchange,
    /// The exchange brought out something unexpected; putting it back comes next.
    BeforeExchangeBack,
    /// A file was found as expected; moving it away comes next.
    BeforeMove,
    /// The former file stands at its copy's name; placing the new one comes next.
    CopyMade,
    /// A file was opened and found as expected; reading it comes next.
    BeforeRead,
    /// A directory was read; looking whether it changed meanwhile comes next.
    DirectoryRead,
}

#[cfg(not(test))]
#[inline]
pub(crate) fn pass(_: Moment) {}

#[cfg(test)]
pub(crate) use hooks::{during, pass};

#[cfg(test)]
mod hooks {
    use super::Moment;
    use std::cell::RefCell;

    type Act = Box<dyn FnOnce()>;

    thread_local! {
        static ACTS: RefCell<Vec<(Moment, Act)>> = const { RefCell::new(Vec::new()) };
    }

    /// Lets another program act once in that moment, on this thread.
    pub(crate) fn during(moment: Moment, act: impl FnOnce() + 'static) {
        ACTS.with_borrow_mut(|acts| acts.push((moment, Box::new(act))));
    }

    pub(crate) fn pass(moment: Moment) {
        let act = ACTS.with_borrow_mut(|acts| {
            let at = acts.iter().position(|(at, _)| *at == moment)?;
            Some(acts.remove(at).1)
        });
        if let Some(act) = act {
            act();
        }
    }
}
