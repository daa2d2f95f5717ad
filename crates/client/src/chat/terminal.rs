use std::{
    fmt,
    io::{self, BufRead, IsTerminal, Read, Write},
    thread,
};

use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};

use super::screen::Style;

/// Longest line that is read, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// Where the terminal phone reads and writes.
pub struct Terminal {
    asks: mpsc::Sender<(Ask, oneshot::Sender<Option<String>>)>,
    output: Box<dyn Write + Send + Sync>,
    style: Style,
    /// A line that is being waited for, so that a cancelled wait loses nothing.
    pending: Option<oneshot::Receiver<Option<String>>>,
}

/// What is asked of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A line.
    Line,
    /// A secret: not shown while it is typed, where that is possible.
    Secret,
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").finish_non_exhaustive()
    }
}

impl Terminal {
    /// Standard input and output; colours unless `plain`, `NO_COLOR` or a pipe speak against it.
    pub fn standard(plain: bool) -> Self {
        let coloured = !plain && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let interactive = io::stdin().is_terminal();
        let read = move |ask| match ask {
            Ask::Secret if interactive => rpassword::read_password().ok(),
            Ask::Secret | Ask::Line => line(&mut io::stdin().lock()).ok().flatten(),
        };
        Self::new(read, Box::new(io::stdout()), coloured)
    }

    /// A terminal of one's own making: `read` is called on a thread of its own and gives `None` at the end.
    pub fn new(
        mut read: impl FnMut(Ask) -> Option<String> + Send + 'static,
        output: Box<dyn Write + Send + Sync>,
        coloured: bool,
    ) -> Self {
        let (asks, mut asked) = mpsc::channel::<(Ask, oneshot::Sender<Option<String>>)>(1);
        // A thread of our own, because the runtime would wait at its end for a read that nobody answers.
        thread::spawn(move || {
            while let Some((ask, answer)) = asked.blocking_recv() {
                if answer.send(read(ask)).is_err() {
                    break;
                }
            }
        });
        Self { asks, output, style: Style::new(coloured), pending: None }
    }

    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// The next line; `None` at the end of the input. Cancel-safe.
    pub(super) async fn line(&mut self) -> Option<String> {
        if self.pending.is_none() {
            self.pending = Some(self.ask(Ask::Line).await?);
        }
        let line = match &mut self.pending {
            Some(pending) => pending.await.ok().flatten(),
            None => None,
        };
        self.pending = None;
        line
    }

    /// Asks for a secret; `None` at the end of the input.
    pub(super) async fn secret(&mut self, prompt: &str) -> io::Result<Option<SecretString>> {
        write!(self.output, "{prompt}: ")?;
        self.output.flush()?;
        let answer = match self.ask(Ask::Secret).await {
            Some(answer) => answer.await.ok().flatten(),
            None => None,
        };
        Ok(answer.map(|text| SecretString::from(text.trim().to_owned())))
    }

    /// Writes a line.
    pub(super) fn say(&mut self, line: impl fmt::Display) -> io::Result<()> {
        writeln!(self.output, "{line}")?;
        self.output.flush()
    }

    async fn ask(&self, ask: Ask) -> Option<oneshot::Receiver<Option<String>>> {
        let (answer, receiver) = oneshot::channel();
        self.asks.send((ask, answer)).await.ok()?;
        Some(receiver)
    }
}

/// Reads a line without its end; what is too long or no UTF-8 is cut or replaced.
fn line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn lines_end_at_their_ends_and_at_the_end() {
        let mut input = &b"one\r\n\ntwo \xff"[..];
        assert_eq!(line(&mut input).unwrap().as_deref(), Some("one"));
        assert_eq!(line(&mut input).unwrap().as_deref(), Some(""));
        assert_eq!(line(&mut input).unwrap().as_deref(), Some("two \u{fffd}"));
        assert_eq!(line(&mut input).unwrap(), None);
    }
}
