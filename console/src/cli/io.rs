//! Where a command's words go: data to standard output, sentences to standard error, nothing else to either.
//!
//! A write to a pipe whose reader has left is no error: it ends the command quietly with 0 ([`Stop::PipeClosed`]). Colour
//! and glyphs are for terminals, and not with `NO_COLOR` ([`Io::rich`]).

use std::env;
use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal, Read, Write};

use jiff::Timestamp;
use serde_json::Value;

use super::hangup::Gone;
use crate::client::ClientError;
use crate::safe::{is_hostile, text as shown};
use crate::zone::Zone;

/// Why a command ends before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// To be told, with an exit code.
    Error(ClientError),
    /// Nobody reads any more: quiet, 0.
    PipeClosed,
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Self::Error(error)
    }
}

impl From<tonic::Status> for Stop {
    fn from(status: tonic::Status) -> Self {
        Self::Error(ClientError::from(status))
    }
}

impl From<crate::client::RefError> for Stop {
    fn from(error: crate::client::RefError) -> Self {
        Self::Error(error.into())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::PipeClosed;
        }
        Self::Error(ClientError::internal("cannot write to standard output").why(error.to_string()))
    }
}

/// The streams of a command and what is known of them.
pub(crate) struct Io {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    input: Box<dyn Read + Send>,
    /// Standard output is a terminal.
    pub(crate) terminal: bool,
    /// Colour and glyphs are welcome.
    pub(crate) rich: bool,
    /// Columns of the terminal, when it is one.
    pub(crate) width: Option<usize>,
    /// Rows of the terminal, when it is one.
    pub(crate) height: Option<usize>,
    /// The zone of times shown to people.
    pub(crate) zone: Zone,
    gone: Gone,
}

impl Io {
    /// The process's own.
    pub(crate) fn standard() -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = terminal.then(|| rustix::termios::tcgetwinsize(&stdout).ok()).flatten();
        let cells = |count: u16| (count > 0).then_some(usize::from(count));
        Self {
            out: Box::new(BufWriter::with_capacity(1 << 16, stdout)),
            err: Box::new(io::stderr()),
            input: Box::new(io::stdin()),
            terminal,
            rich: terminal && !plain,
            width: size.and_then(|size| cells(size.ws_col)),
            height: size.and_then(|size| cells(size.ws_row)),
            zone: Zone::local(),
            gone: Gone::stdout(),
        }
    }

    /// For tests: no terminal, UTC.
    #[cfg(test)]
    pub(crate) fn of(
        out: impl Write + Send + 'static,
        err: impl Write + Send + 'static,
        input: impl Read + Send + 'static,
    ) -> Self {
        Self {
            out: Box::new(out),
            err: Box::new(err),
            input: Box::new(input),
            terminal: false,
            rich: false,
            width: None,
            height: None,
            zone: Zone::utc(),
            gone: Gone::never(),
        }
    }

    /// The time, for ages.
    pub(crate) fn now_ms(&self) -> i64 {
        Timestamp::now().as_millisecond()
    }

    /// A line of data, already safe.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Stop> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    /// One JSON object on a line of its own.
    ///
    /// The encoder escapes the control characters of ASCII; what else a terminal might obey or hide is escaped here. Such
    /// characters stand inside JSON strings only, so the value stays the same.
    pub(crate) fn json(&mut self, value: &Value) -> Result<(), Stop> {
        let text = value.to_string();
        if !text.chars().any(is_hostile) {
            return self.line(&text);
        }
        let mut out = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            if is_hostile(c) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            } else {
                out.push(c);
            }
        }
        self.line(&out)
    }

    /// Bytes as they are: for `--raw` alone.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.out.write_all(bytes)?;
        Ok(())
    }

    /// Makes what was written visible now.
    pub(crate) fn flush(&mut self) -> Result<(), Stop> {
        self.out.flush()?;
        Ok(())
    }

    /// A sentence for the person; lost when standard error is closed, which is no reason to stop.
    pub(crate) fn tell(&mut self, sentence: &str) {
        let _ = writeln!(self.err, "{}", shown(sentence));
        let _ = self.err.flush();
    }

    /// The three lines of a failure.
    pub(crate) fn error(&mut self, error: &ClientError) {
        let (what, why, hint) = error.sentences();
        self.tell_lines("error: ", what);
        if let Some(why) = why {
            self.tell_lines("why: ", why);
        }
        if let Some(hint) = hint {
            self.tell_lines("try: ", hint);
        }
    }

    /// All of standard input, up to `limit` bytes.
    pub(crate) fn read_input(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.input).take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Completes when nobody reads standard output any more.
    pub(crate) fn gone(&self) -> Gone {
        self.gone.clone()
    }

    /// A master may list several mistakes, one a line: the lines stay lines, indented below the first.
    fn tell_lines(&mut self, label: &str, text: &str) {
        for (number, line) in text.lines().enumerate() {
            let label = if number == 0 { label } else { "       " };
            let _ = writeln!(self.err, "{label}{}", shown(line));
        }
        let _ = self.err.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_is_harmless_and_keeps_its_value() {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut io = Io::of(Shared(bytes.clone()), io::sink(), io::empty());
        let value = serde_json::json!({"a": "\u{1b}[2J \u{9b}2J \u{202e} \u{e0041} größe"});
        assert!(io.json(&value).is_ok());
        let text = String::from_utf8(bytes.lock().expect("not poisoned").clone()).expect("UTF-8");
        assert!(!text.trim_end().chars().any(is_hostile), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }
}
