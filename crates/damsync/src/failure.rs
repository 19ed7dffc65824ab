//! A command that could not do its work: one sentence for the user, what to try, and the exit code.

use crate::commands::init::InitError;
use crate::config::ConfigError;
use crate::engine::EngineError;
use crate::exit::Exit;
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration or the command line cannot be obeyed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The engine could not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// `init` wrote nothing.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The daemon cannot start or go on. By contract it ends by itself only with 2.
    #[error(transparent)]
    Daemon(EngineError),
    /// Signals could not be listened to, or the runtime not be started.
    #[error("the program cannot be started ({0})")]
    Start(#[source] std::io::Error),
    /// The answer could not be written.
    #[error("standard output cannot be written ({0})")]
    Output(#[source] std::io::Error),
    /// A file that was asked for could not be written.
    #[error("{} cannot be written ({cause})", path.display())]
    File {
        /// Which file or directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: std::io::Error,
    },
    /// The demo's or the sandbox's own trouble.
    #[cfg(feature = "sandbox")]
    #[error(transparent)]
    Sandbox(#[from] crate::demo::DemoError),
}

impl Failure {
    /// How the program ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Daemon(_) => Exit::Usage,
            Self::Engine(error) => error.exit(),
            Self::Init(error) => error.exit(),
            Self::Start(_) | Self::Output(_) | Self::File { .. } => Exit::Remains,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(error) => error.exit(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Self::Config(error) => Some(error.remedy()),
            Self::Init(error) => Some(error.remedy()),
            Self::Engine(error) | Self::Daemon(error) => error.remedy(),
            Self::File { .. } => Some("name a directory that this user may write to".into()),
            Self::Start(_) | Self::Output(_) => None,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(error) => error.remedy(),
        }
    }

    /// Writes it to standard error; what lies behind it goes to the log.
    pub fn show(&self) {
        let mut behind = self.source();
        while let Some(cause) = behind {
            tracing::debug!(error = %cause, "caused by");
            behind = cause.source();
        }
        let mut stderr = std::io::stderr().lock();
        // Nothing can be done about a standard error that cannot be written.
        let _ = stderr.write_all(self.text(std::io::stderr().is_terminal()).as_bytes());
    }

    fn text(&self, terminal: bool) -> String {
        let mut text = format!("damsync: {self}\n");
        if let Some(picture) = terminal.then(|| self.picture()).flatten() {
            text.push_str(&picture);
        }
        if let Some(remedy) = self.remedy() {
            text.push_str("  try: ");
            text.push_str(&remedy);
            text.push('\n');
        }
        text
    }

    /// The line of the configuration, underlined, for terminals.
    fn picture(&self) -> Option<String> {
        let Self::Config(error) = self else { return None };
        let (spot, place) = (error.spot()?, error.place()?);
        let report =
            miette::miette!(labels = vec![miette::LabeledSpan::underline(spot.span.clone())], "this cannot be obeyed")
                .with_source_code(miette::NamedSource::new(place.file.display().to_string(), spot.text.to_string()));
        let mut picture = String::new();
        miette::GraphicalReportHandler::new().render_report(&mut picture, report.as_ref()).ok()?;
        Some(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Surroundings, load};

    fn failure(text: &str) -> Failure {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), &Surroundings::default()).unwrap_err().into()
    }

    #[test]
    fn a_failure_is_one_sentence_and_a_remedy() {
        let failure = failure("\n[remote]\nbase_ulr = \"x\"");
        assert_eq!(failure.exit(), Exit::Usage);
        let text = failure.text(false);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("damsync: /") && lines[0].ends_with("config.toml:3: unknown key `base_ulr`"),
            "{text}"
        );
        assert_eq!(lines[1..], ["  try: did you mean `base_url`?"]);
    }

    #[test]
    fn a_terminal_sees_the_line() {
        let text = failure("\n[remote]\nbase_ulr = \"x\"").text(true);
        assert!(text.contains("base_ulr = \"x\"") && text.contains("try: did you mean"), "{text}");
    }
}
