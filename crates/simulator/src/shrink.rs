//! A failing plan, made as short as it still fails.

use crate::plan::{PassStep, Plan, Step};
use crate::run::run;

/// The promise that a message names; another one broken is another failure.
fn kind(broken: &str) -> String {
    let words =
        broken.strip_prefix("after step ").and_then(|rest| rest.split_once(": ")).map_or(broken, |(_, why)| why);
    let words = words.strip_prefix("in peace: ").unwrap_or(words);
    let words = words.strip_prefix("d0: ").or_else(|| words.strip_prefix("d1: ")).unwrap_or(words);
    // Numbers and names differ from run to run.
    let plain: String = words.split('"').step_by(2).flat_map(str::chars).filter(|c| c.is_alphabetic()).collect();
    plain.replace("InSync", "").replace("Held", "").replace("Incomplete", "").chars().take(60).collect()
}

/// Drops steps, edits and faults as long as the same promise stays broken.
pub fn shrink(plan: &Plan, broken: &str) -> Plan {
    let wanted = kind(broken);
    let fails = |plan: &Plan| run(plan).broken.is_some_and(|broken| kind(&broken) == wanted);
    let mut best = plan.clone();
    loop {
        let before = best.clone();
        let mut size = best.steps.len().div_ceil(2).max(1);
        loop {
            drop_chunks(&mut best, size, |plan| &mut plan.steps, &fails);
            drop_chunks(&mut best, size, |plan| &mut plan.beginning, &fails);
            if size == 1 {
                break;
            }
            size = size.div_ceil(2).min(size - 1);
        }
        calm_scripts(&mut best, &fails);
        if best == before {
            return best;
        }
    }
}

fn drop_chunks<T>(
    best: &mut Plan,
    size: usize,
    list: impl Fn(&mut Plan) -> &mut Vec<T>,
    fails: &impl Fn(&Plan) -> bool,
) {
    let mut at = list(best).len();
    while at > 0 {
        at = at.saturating_sub(size);
        let mut fewer = best.clone();
        let items = list(&mut fewer);
        items.drain(at..(at + size).min(items.len()));
        if fails(&fewer) {
            *best = fewer;
        }
    }
}

fn scripts(step: &mut Step) -> Vec<&mut PassStep> {
    match step {
        Step::Pass(pass) => vec![pass],
        Step::Both(first, second) => vec![first, second],
        _ => Vec::new(),
    }
}

/// Takes faults, interruptions and crashes out of passes.
fn calm_scripts(best: &mut Plan, fails: &impl Fn(&Plan) -> bool) {
    let calmers: [fn(&mut PassStep); 5] = [
        |pass| pass.script.faults.clear(),
        |pass| pass.script.meanwhile.clear(),
        |pass| pass.script.cut = None,
        |pass| pass.script.aim = None,
        |pass| pass.script.then = None,
    ];
    for step in 0..best.steps.len() {
        for which in 0..2 {
            for calm in calmers {
                let mut calmer = best.clone();
                if let Some(pass) = scripts(&mut calmer.steps[step]).into_iter().nth(which) {
                    calm(pass);
                }
                if calmer != *best && fails(&calmer) {
                    *best = calmer;
                }
            }
        }
    }
}
