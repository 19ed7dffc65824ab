//! Questions at the terminal: on standard error, answered on standard input. Nobody is asked where either is no terminal.

use super::error::InitError;
use crate::failure::Failure;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use std::io::{self, IsTerminal, Write};

/// Whoever can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Somebody at a terminal.
    Terminal,
    /// Nobody.
    Nobody,
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is asked for, as the prompt names it.
    pub what: &'static str,
    /// The argument that answers it.
    pub flag: &'static str,
    /// That argument, written out.
    pub example: &'static str,
    /// What an empty answer means.
    pub default: Option<&'a str>,
}

impl Asker {
    /// Whether there is a terminal to ask at.
    pub fn of_process() -> Self {
        if io::stdin().is_terminal() && io::stderr().is_terminal() { Self::Terminal } else { Self::Nobody }
    }

    /// Tells something. Nobody hears it where nobody is asked.
    pub fn say(self, text: &str) {
        if self == Self::Terminal {
            show(text);
        }
    }

    /// Asks until an answer can be read.
    pub async fn ask<T>(self, question: Question<'_>, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
        if self == Self::Nobody {
            return Err(InitError::Missing { flag: question.flag, example: question.example }.into());
        }
        loop {
            let shown = question.default.map_or_else(String::new, |default| format!(" [{default}]"));
            show(&format!("{}{shown}: ", question.what));
            let typed = line().await.map_err(InitError::Terminal)?.ok_or(InitError::Unanswered(question.what))?;
            let typed = typed.trim();
            let answer = if typed.is_empty() { question.default.unwrap_or_default() } else { typed };
            match read(answer) {
                Ok(answer) => return Ok(answer),
                Err(sentence) => show(&format!("{sentence}\n")),
            }
        }
    }

    /// Asks for a secret, which does not appear on the screen.
    pub async fn secret(self, question: Question<'_>) -> Result<SecretString, Failure> {
        if self == Self::Nobody {
            return Err(InitError::Missing { flag: question.flag, example: question.example }.into());
        }
        loop {
            let unseen = Unseen::begin().map_err(InitError::Terminal)?;
            show(&format!("{} (is not shown): ", question.what));
            let typed = line().await.map_err(InitError::Terminal)?.ok_or(InitError::Unanswered(question.what))?;
            drop(unseen);
            show("\n");
            let secret = typed.trim();
            if !secret.is_empty() && !secret.contains(char::is_control) {
                return Ok(SecretString::from(secret));
            }
            show("A token is one line of characters.\n");
        }
    }
}

fn show(text: &str) {
    let mut stderr = io::stderr().lock();
    // A terminal that cannot be written will not answer either.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// A line; `None` at the end of the input. A thread of its own waits, so that the wish to stop is heard meanwhile.
async fn line() -> io::Result<Option<String>> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        Ok((io::stdin().read_line(&mut line)? > 0).then_some(line))
    });
    read.await.map_err(io::Error::other)?
}

/// While it lives, the terminal does not show what is typed. It ends with the value, however the question ends.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        // What was typed before it was asked for was typed in sight; it is not taken for the secret.
        tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that went away.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
