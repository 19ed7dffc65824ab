//! What would be done: written line by line as it is found out, whatever its length. The JSON forms: `docs/json.md`.

use super::json;
use super::reconcile::held_words;
use crate::engine::{Pass, Told};
use crate::failure::Failure;
use damsync_model::path::on_one_line;
use damsync_model::plan::PlanLine;
use damsync_reconciler::report::{HeldItem, Left, LeftKind};
use damsync_store::HeldPlan;
use serde::Serialize;
use std::io::{self, Write};

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanForm {
    /// A line per action, for people.
    Text,
    /// One object, for programs.
    Json,
}

/// Writes a plan while it comes.
#[derive(Debug)]
pub struct PlanWriter<W> {
    out: W,
    form: PlanForm,
    /// Several mirrors, each under its name.
    names: bool,
    mirrors: usize,
    list: List,
    lines: u64,
    /// The first trouble; nothing is written after it.
    trouble: Option<io::Error>,
}

/// Where in a mirror's object we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Actions,
    Left(LeftKind),
}

impl List {
    const ALL: [Self; 5] = [
        Self::Actions,
        Self::Left(LeftKind::ALL[0]),
        Self::Left(LeftKind::ALL[1]),
        Self::Left(LeftKind::ALL[2]),
        Self::Left(LeftKind::ALL[3]),
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::Left(kind) => kind.word(),
        }
    }
}

#[derive(Serialize)]
struct ActionAnswer<'a> {
    rule: String,
    action: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

#[derive(Serialize)]
struct LeftAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    path: &'a str,
    reason: &'a str,
}

impl<W: Write> PlanWriter<W> {
    /// A writer for one mirror's plan, or for several ones'.
    pub const fn new(out: W, form: PlanForm, mirrors: usize) -> Self {
        let names = mirrors > 1;
        Self { out, form, names, mirrors: 0, list: List::Actions, lines: 0, trouble: None }
    }

    /// Writes what a rehearsal tells.
    pub fn tell(&mut self, told: &Told<'_>) {
        if self.trouble.is_some() {
            return;
        }
        let result = match self.form {
            PlanForm::Text => self.tell_text(told),
            PlanForm::Json => self.tell_json(told),
        };
        self.trouble = result.err();
    }

    /// The end of the whole answer. A reader that went away is not a failure.
    pub fn finish(mut self) -> Result<(), Failure> {
        let result = match (self.trouble.take(), self.form) {
            (Some(trouble), _) => Err(trouble),
            (None, PlanForm::Json) => {
                let begin = if self.mirrors == 0 { "{\"schema\":1,\"mirrors\":[" } else { "" };
                writeln!(self.out, "{begin}]}}")
            }
            (None, PlanForm::Text) => Ok(()),
        };
        match result.and_then(|()| self.out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            _ => Ok(()),
        }
    }

    fn tell_text(&mut self, told: &Told<'_>) -> io::Result<()> {
        self.lines += 1;
        match told {
            Told::Begin(name) => {
                self.lines = 0;
                if self.names { writeln!(self.out, "{name}:") } else { Ok(()) }
            }
            Told::Action { line, .. } => writeln!(self.out, "{line}"),
            Told::Left(left) => {
                let rule = left.rule.map_or_else(String::new, |rule| rule.to_string());
                let action = left.action.map_or_else(String::new, |action| format!("{action} "));
                writeln!(
                    self.out,
                    "{rule:<4}{} {action}{}  ({})",
                    left.kind.word(),
                    on_one_line(&left.path),
                    left.reason
                )
            }
            Told::End(pass) => self.end_text(pass),
        }
    }

    fn end_text(&mut self, pass: &Pass) -> io::Result<()> {
        match &pass.result {
            Ok(report) => {
                let mut silent = self.lines == 1;
                for held in whole(&report.held) {
                    silent = false;
                    writeln!(self.out, "    held {}", held_words(held))?;
                }
                if silent { writeln!(self.out, "nothing to do") } else { Ok(()) }
            }
            Err(error) => writeln!(self.out, "{}: not known: {error}", pass.mirror),
        }
    }

    fn tell_json(&mut self, told: &Told<'_>) -> io::Result<()> {
        match told {
            Told::Begin(name) => {
                let before = if self.mirrors == 0 { "{\"schema\":1,\"mirrors\":[" } else { "," };
                self.mirrors += 1;
                write!(self.out, "{before}{{\"name\":{},\"actions\":[", serde_json::to_string(name)?)?;
                (self.list, self.lines) = (List::Actions, 0);
                Ok(())
            }
            Told::Action { line, bytes } => {
                let PlanLine { rule, verb, path, to, reason } = line;
                let answer = ActionAnswer {
                    rule: rule.to_string(),
                    action: verb,
                    path: path.as_str(),
                    to: to.as_ref().map(|to| to.as_str()),
                    reason,
                    bytes: *bytes,
                };
                self.item(List::Actions, &answer)
            }
            Told::Left(left) => {
                let Left { kind, rule, action, path, reason } = left;
                let rule = rule.map(|rule| rule.to_string());
                self.item(List::Left(*kind), &LeftAnswer { rule, action: *action, path, reason })
            }
            Told::End(pass) => {
                for held in pass.result.iter().flat_map(|report| whole(&report.held)) {
                    self.item(List::Left(LeftKind::Held), held)?;
                }
                self.advance(List::Left(LeftKind::Held))?;
                write!(self.out, "]")?;
                if let Err(error) = &pass.result {
                    write!(self.out, ",\"error\":{}", serde_json::to_string(&error.to_string())?)?;
                }
                write!(self.out, "}}")
            }
        }
    }

    fn item(&mut self, list: List, answer: &impl Serialize) -> io::Result<()> {
        self.advance(list)?;
        let before = if self.lines == 0 { "" } else { "," };
        self.lines += 1;
        write!(self.out, "{before}{}", serde_json::to_string(answer)?)
    }

    /// Ends the lists before `list` and begins it. They come in their order.
    fn advance(&mut self, list: List) -> io::Result<()> {
        while self.list < list {
            let Some(next) = List::ALL.into_iter().find(|next| *next > self.list) else { break };
            write!(self.out, "],\"{}\":[", next.word())?;
            (self.list, self.lines) = (next, 0);
        }
        Ok(())
    }
}

/// What is held as a whole; single items are lines of their own.
fn whole(held: &[HeldItem]) -> impl Iterator<Item = &HeldItem> {
    held.iter().filter(|held| held.path.is_none())
}

/// A held plan, one action a line.
pub fn held_plan_text(plan: &HeldPlan) -> String {
    let mut text = format!("{}: {}, {} of {} tracked files\n", plan.id, plan.reason, plan.count, plan.total);
    text.push_str(&plan.lines);
    let more = not_kept(plan);
    if more > 0 {
        text.push_str(&format!("… and {more} more\n"));
    }
    text
}

/// Actions of a held plan whose lines were not kept.
fn not_kept(plan: &HeldPlan) -> u64 {
    plan.count.saturating_sub(u64::try_from(plan.lines.lines().count()).unwrap_or(u64::MAX))
}

#[derive(Serialize)]
struct HeldPlanAnswer<'a> {
    schema: u32,
    id: &'a str,
    mirror: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<&'a str>,
    count: u64,
    of: u64,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_at: Option<String>,
    actions: Vec<ActionAnswer<'a>>,
    more: u64,
}

/// A held plan for programs.
pub fn held_plan_json(mirror: &str, plan: &HeldPlan) -> Result<String, Failure> {
    json(&HeldPlanAnswer {
        schema: 1,
        id: &plan.id,
        mirror,
        reason: &plan.reason,
        side: plan.side.as_deref(),
        count: plan.count,
        of: plan.total,
        created_at: plan.created_at.to_string(),
        approved_at: plan.approved_at.map(|at| at.to_string()),
        actions: plan.lines.lines().filter_map(read_line).collect(),
        more: not_kept(plan),
    })
}

/// Takes a kept line apart: the rule in four columns, the verb, the path, two spaces and the reason in parentheses.
fn read_line(line: &str) -> Option<ActionAnswer<'_>> {
    let (rule, rest) = line.split_at_checked(4)?;
    let (action, rest) = rest.split_once(' ')?;
    let (path, reason) = rest.strip_suffix(')')?.rsplit_once("  (")?;
    Some(ActionAnswer { rule: rule.trim_end().to_owned(), action, path, to: None, reason, bytes: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;
    use damsync_model::path::MirrorPath;
    use damsync_model::plan::{HoldReason, Rule};
    use damsync_reconciler::report::Report;

    fn told(form: PlanForm, mirrors: usize) -> String {
        let mut text = Vec::new();
        let mut writer = PlanWriter::new(&mut text, form, mirrors);
        let line = PlanLine {
            rule: Rule::R15,
            verb: "move_local",
            path: MirrorPath::parse("a.jpg").unwrap(),
            to: MirrorPath::parse("b/a \"2\".jpg"),
            reason: "moved on the server",
        };
        let left = |kind, rule, action| Left { kind, rule, action, path: "c".into(), reason: "why".into() };
        writer.tell(&Told::Begin("one"));
        writer.tell(&Told::Action { line: &line, bytes: None });
        let upload = PlanLine { rule: Rule::R1, verb: "upload", to: None, reason: "new here", ..line.clone() };
        writer.tell(&Told::Action { line: &upload, bytes: Some(7) });
        writer.tell(&Told::Left(&left(LeftKind::Skipped, Some(Rule::R29), None)));
        writer.tell(&Told::Left(&left(LeftKind::Failed, None, None)));
        writer.tell(&Told::Left(&left(LeftKind::Held, Some(Rule::R8), Some("trash_remote"))));
        let held = HeldItem { count: Some(12), detail: None, ..HeldItem::mirror(HoldReason::MassDelete, "") };
        let report = Report { held: vec![held], ..Report::default() };
        writer.tell(&Told::End(&Pass { mirror: "one".into(), result: Ok(report) }));
        if mirrors > 1 {
            writer.tell(&Told::Begin("two"));
            writer.tell(&Told::End(&Pass { mirror: "two".into(), result: Ok(Report::default()) }));
            writer.tell(&Told::Begin("three"));
            writer.tell(&Told::End(&Pass { mirror: "three".into(), result: Err(EngineError::Interrupted) }));
        }
        writer.finish().unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn an_action_is_a_line_and_what_is_left_stands_below() {
        assert_eq!(
            told(PlanForm::Text, 1),
            "R15 move_local a.jpg -> b/a \"2\".jpg  (moved on the server)\n\
             R1  upload a.jpg  (new here)\n\
             R29 skipped c  (why)\n    failed c  (why)\nR8  held trash_remote c  (why)\n    held mass_delete, 12\n"
        );
        let several = told(PlanForm::Text, 3);
        assert!(
            several.starts_with("one:\nR15 ")
                && several.ends_with("two:\nnothing to do\nthree:\nthree: not known: interrupted\n")
        );
    }

    #[test]
    fn the_json_is_one_object_whatever_comes() {
        let answer: serde_json::Value = serde_json::from_str(&told(PlanForm::Json, 3)).unwrap();
        let empty = serde_json::json!([]);
        assert_eq!(
            answer["mirrors"][0],
            serde_json::json!({
                "name": "one",
                "actions": [
                    {"rule": "R15", "action": "move_local", "path": "a.jpg", "to": "b/a \"2\".jpg", "reason": "moved on the server"},
                    {"rule": "R1", "action": "upload", "path": "a.jpg", "reason": "new here", "bytes": 7}
                ],
                "skipped": [{"rule": "R29", "path": "c", "reason": "why"}],
                "awaiting": [],
                "failed": [{"path": "c", "reason": "why"}],
                "held": [
                    {"rule": "R8", "action": "trash_remote", "path": "c", "reason": "why"},
                    {"reason": "mass_delete", "count": 12}
                ]
            })
        );
        for list in ["actions", "skipped", "awaiting", "failed", "held"] {
            assert_eq!(answer["mirrors"][1][list], empty, "{list}");
        }
        assert_eq!(answer["mirrors"][2]["error"], "interrupted");
        let mut text = Vec::new();
        PlanWriter::new(&mut text, PlanForm::Json, 0).finish().unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), "{\"schema\":1,\"mirrors\":[]}\n");
    }

    #[test]
    fn a_kept_line_is_read_back() {
        let line = PlanLine {
            rule: Rule::R8,
            verb: "trash_remote",
            path: MirrorPath::parse("a  (odd) name.jpg").unwrap(),
            to: None,
            reason: "deleted here",
        };
        let text = line.to_string();
        let read = read_line(&text).unwrap();
        assert_eq!((read.rule.as_str(), read.action, read.path), ("R8", "trash_remote", "a  (odd) name.jpg"));
        assert_eq!(read.reason, "deleted here");
    }
}
