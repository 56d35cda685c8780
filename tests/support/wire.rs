//! A wire between a worker and its master that can be cut and mended: a Unix socket that forwards to another.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A forwarding socket. While it is cut, connections die and new ones are closed at once.
pub struct Wire {
    path: PathBuf,
    cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<UnixStream>>>,
}

impl Wire {
    /// Listens at `path` and forwards to `target`.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn new(path: &Path, target: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("a socket");
        let (cut, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let wire =
            Self { path: path.to_path_buf(), cut: Arc::clone(&cut), open: Arc::clone(&open) };
        let target = target.to_path_buf();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = UnixStream::connect(&target) else { continue };
                let pair = [(&near, &far), (&far, &near)];
                for (from, to) in pair {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
                    thread::spawn(move || carry(from, to));
                }
                open.lock().expect("no panic holds it").extend([near, far]);
            }
        });
        wire
    }

    /// Where to dial.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts it: everything open dies, and nothing new goes through.
    ///
    /// # Panics
    /// Never in practice.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for stream in self.open.lock().expect("no panic holds it").drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// Mends it.
    pub fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }
}

fn carry(mut from: UnixStream, mut to: UnixStream) {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) if to.write_all(&buffer[..n]).is_ok() => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
