//! The program at a terminal: a person who reads what is asked and types answers.

use crate::until;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

/// A program whose standard input and standard error are a terminal.
#[derive(Debug)]
pub struct Terminal {
    process: Child,
    hand: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// So much of the screen was there when the last line was typed.
    answered: usize,
}

impl Terminal {
    /// Starts it. Standard output stays as the command has it.
    pub fn start(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let process = command.stdin(open()).stderr(open()).spawn().unwrap();
        let hand = File::from(master);
        let screen = Arc::<Mutex<Vec<u8>>>::default();
        let (mut eye, seen) = (hand.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // It ends with an error once nobody has the other end open any more.
            while let Ok(length @ 1..) = eye.read(&mut piece) {
                seen.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        });
        Self { process, hand, screen, answered: 0 }
    }

    /// Everything that appeared so far, typed or told.
    pub fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until the screen ends with a question that has these words, and types a line.
    pub fn answer(&mut self, question: &str, line: &str) {
        self.until_asked(question);
        self.answered = self.screen().len();
        self.hand.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits until a question that was not answered yet has these words.
    pub fn until_asked(&mut self, question: &str) {
        until(&format!("the question {question:?}"), || {
            let screen = self.screen();
            let new = screen.get(self.answered..).unwrap_or_default();
            let asked = new.ends_with(": ") && new.lines().last().is_some_and(|last| last.contains(question));
            let ended = self.process.try_wait().unwrap();
            assert!(asked || ended.is_none(), "it ended ({ended:?}) and did not ask {question:?}:\n{screen}");
            asked.then_some(())
        });
    }

    /// Whether what is typed appears on the screen.
    pub fn echoes(&self) -> bool {
        tcgetattr(&self.hand).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Waits for its end; the exit code and standard output.
    pub fn ended(mut self) -> (i32, String, String) {
        let status = until("the program's end", || self.process.try_wait().unwrap());
        let mut told = String::new();
        if let Some(mut stdout) = self.process.stdout.take() {
            stdout.read_to_string(&mut told).unwrap();
        }
        (status.code().unwrap_or(-1), told, self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
