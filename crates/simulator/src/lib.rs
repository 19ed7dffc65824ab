//! Whole simulated worlds: the real engine, planner and store on an in-memory disk and a simulated DAM.
//!
//! One seed is one run, on one thread, under virtual time: [`plan::Plan::from_seed`] says what happens, [`run::run`] lets
//! it happen and checks the promises.
//!
//! | question | module |
//! | --- | --- |
//! | what happens in a world? | `plan`, `chance`, `edit`, `weather` |
//! | who does it? | `stage`, `people`, `meddle`, `bring`, `daemon` |
//! | what is a disk, what is a server? | `disk`, `remote` |
//! | what must hold? | `ledger`, `checks`, `parted` |
//! | and if it does not? | `shrink`, `paste` |
//! | and many of them, and what do they come to? | `many`, `coverage`, `cells` |
//!
//! **Invariant:** nothing here reads a clock, a file or randomness of the machine; equal seeds give equal histories.

mod bring;
pub mod cells;
mod chance;
pub mod checks;
pub mod content;
pub mod coverage;
pub mod daemon;
pub mod dice;
pub mod disk;
pub mod edit;
pub mod ledger;
pub mod many;
pub mod meddle;
pub mod parted;
pub mod paste;
mod people;
pub mod plan;
pub mod remote;
pub mod run;
pub mod shrink;
pub mod stage;
pub mod time;
pub mod weather;
