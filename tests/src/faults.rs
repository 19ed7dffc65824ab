//! One fault during one pass, and what must be so afterwards.

use crate::{Pass, Setup, Value, json};

/// The ways in which any request may go wrong: before its effect and after it.
pub fn befores_and_afters() -> Vec<Value> {
    vec![
        json!({ "status": { "code": 500 } }),
        json!({ "status_after": { "code": 502 } }),
        json!("reset_before"),
        json!("reset_after"),
        json!("html_ok"),
    ]
}

/// Each fault on a setup of its own, side by side: most of the time is spent waiting.
pub fn each(faults: Vec<Value>, check: impl Fn(&Value) + Sync) {
    std::thread::scope(|scope| {
        for what in faults {
            let check = &check;
            scope.spawn(move || check(&what));
        }
    });
}

impl Setup {
    /// A pass in which the fault happens, the last of it included.
    #[track_caller]
    pub fn stumble(&self, fault: &Value) -> Pass {
        self.sandbox.fault(fault);
        let pass = self.reconcile(&[]);
        assert_eq!(self.sandbox.get("/admin/faults"), json!([]), "the fault was not met: {pass:?}");
        pass
    }

    /// The fault happens during one pass; the next one at the latest brings both sides together, and then it is quiet.
    #[track_caller]
    pub fn mended(&self, fault: &Value) {
        let pass = self.stumble(fault);
        assert!([0, 1, 5].contains(&pass.code), "{fault} {pass:?}");
        self.sandbox.processed();
        if pass.code != 0 {
            let pass = self.reconcile(&[]);
            assert_eq!(pass.code, 0, "{fault} {pass:?}");
        }
        self.equal();
        let pass = self.sync(&[]);
        assert_eq!(pass.bytes(), (0, 0), "{fault} {pass:?}");
    }
}
