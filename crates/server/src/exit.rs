//! How the program ends: exit codes and the words on standard error.

use std::{fmt, process::ExitCode};

/// Something was asked for and did not happen.
const FAILED: u8 = 1;
/// The command line asked for something that makes no sense.
const USAGE: u8 = 2;
/// The server, or whatever holds its database, does not answer.
const UNREACHABLE: u8 = 4;

/// Why a command failed: an exit code, plain words, and what to try.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    words: String,
    advice: Option<String>,
    likely: Option<&'static str>,
}

impl Failure {
    /// It did not work (exit code 1).
    pub(crate) fn failed(words: impl Into<String>) -> Self {
        Self::new(FAILED, words)
    }

    /// It cannot be asked like this (exit code 2).
    pub(crate) fn usage(words: impl Into<String>) -> Self {
        Self::new(USAGE, words)
    }

    /// The server does not answer (exit code 4).
    pub(crate) fn unreachable(words: impl Into<String>) -> Self {
        Self::new(UNREACHABLE, words)
    }

    fn new(code: u8, words: impl Into<String>) -> Self {
        Self { code, words: words.into(), advice: None, likely: None }
    }

    /// It did not work, and all that there is to say has been printed (exit code 1).
    pub(crate) fn told() -> Self {
        Self::failed(String::new())
    }

    /// Adds what to try.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Adds the likely cause.
    pub(crate) fn because(mut self, likely: &'static str) -> Self {
        self.likely = Some(likely);
        self
    }

    /// The likely cause, where one is known.
    pub(crate) fn likely(&self) -> Option<&'static str> {
        self.likely
    }

    /// Whether somebody is there and does not answer.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.code == UNREACHABLE
    }

    /// What went wrong.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// What to try.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// Prints it on standard error and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        if !self.words.is_empty() {
            eprintln!("error: {self}");
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)?;
        match &self.advice {
            Some(advice) => write!(f, "\n  try: {advice}"),
            None => Ok(()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}
