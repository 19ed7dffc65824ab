//! Gather, plan, carry out, acknowledge.

pub mod report;
