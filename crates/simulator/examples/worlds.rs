//! Runs worlds: `worlds [FROM [COUNT]]` runs seeds and prints what they went through; `worlds --seed N` prints one run
//! step by step, shrunk if it fails.

use damsync_simulator::many::{Tally, run_many};
use damsync_simulator::paste::as_test;
use damsync_simulator::plan::Plan;
use damsync_simulator::run::run_with_trace;
use damsync_simulator::shrink::shrink;
use std::process::ExitCode;
use std::time::Instant;

fn number(text: Option<&String>, default: u64) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn one(seed: u64, whole: bool) -> ExitCode {
    let plan = Plan::from_seed(seed);
    let ran = run_with_trace(&plan);
    let (plan, ran) = match &ran.broken {
        Some(broken) if !whole => {
            let short = shrink(&plan, broken);
            let ran = run_with_trace(&short);
            (short, ran)
        }
        _ => (plan, ran),
    };
    println!("{:#?}", plan.setting);
    for edit in &plan.beginning {
        println!("{edit:?}");
    }
    for (number, step) in plan.steps.iter().enumerate() {
        println!("{number}: {step:?}");
    }
    for line in &ran.trace {
        println!("{line}");
    }
    for history in &ran.histories {
        println!("{history}");
    }
    match ran.broken {
        Some(broken) => {
            println!("seed {seed} FAILS: {broken}\n\n{}", as_test(&plan, &broken));
            ExitCode::FAILURE
        }
        None => {
            println!("seed {seed} is fine");
            ExitCode::SUCCESS
        }
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == "--seed") {
        return one(number(args.get(1), 0), args.get(2).is_some_and(|arg| arg == "--whole"));
    }
    let (from, count) = (number(args.first(), 0), number(args.get(1), 1000));
    let began = Instant::now();
    let Tally { coverage, broken } = run_many(from..from + count);
    for (seed, broken) in &broken {
        println!("seed {seed}: {broken}");
    }
    let (failed, took) = (broken.len(), began.elapsed().as_secs_f64());
    println!("\n{coverage}\n{count} worlds from seed {from}, {failed} failed, {took:.1} s");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
