//! Commands from their arguments to their output and exit code, against a master in the same process.

mod fake;
mod hook;
mod hook_others;
mod lists;
mod logs;
mod surface;
mod verbs;
mod waiting;

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use clap::Parser;

use self::fake::Fake;
use super::io::Io;
use super::{Door, Global, Scripting, WorkerVerb, finish, perform, worker};
use crate::client::Place;

/// The parser that the binary makes, without the commands that are not here.
#[derive(Debug, Parser)]
#[command(name = "linn")]
struct Linn {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Commands,
}

#[derive(Debug, clap::Subcommand)]
enum Commands {
    #[command(flatten)]
    Scripting(Scripting),
    /// Workers
    #[command(subcommand)]
    Worker(WorkerVerb),
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    fn json(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }
}

/// Runs a command in an empty place.
async fn linn(args: &[&str]) -> Said {
    linn_in(Place { folder: "/".into(), ..Default::default() }, b"", args).await
}

/// Runs a command against a master.
async fn linn_at(fake: &Fake, args: &[&str]) -> Said {
    let address = fake.address();
    linn(&[&["--server", &address], args].concat()).await
}

async fn linn_in(place: Place, input: &[u8], args: &[&str]) -> Said {
    let (out, err) = (Heard::default(), Heard::default());
    let code = linn_to(place, input, args, out.clone(), err.clone()).await;
    Said { code, out: out.text(), err: err.text() }
}

async fn linn_to(
    place: Place,
    input: &[u8],
    args: &[&str],
    out: impl Write + Send + 'static,
    err: Heard,
) -> i32 {
    let parsed = match Linn::try_parse_from(std::iter::once(&"linn").chain(args)) {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = write!(err.clone(), "{error}");
            return error.exit_code();
        }
    };
    let mut io = Io::of(out, err, Cursor::new(input.to_vec()));
    let done = match parsed.command {
        Commands::Scripting(command) => perform(command, &parsed.global, &place, &mut io).await,
        Commands::Worker(verb) => {
            let door = Door { global: &parsed.global, place: &place, io: &mut io };
            worker::run(verb, door).await
        }
    };
    finish(done, &mut io).0
}

/// A stream that keeps what is written to it.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("not poisoned").clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).expect("UTF-8")
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe whose reader leaves after so many bytes.
struct Leaving(usize);

impl Write for Leaving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
