//! Secrets: from a name to its value, at the last moment (F12, F41).
//!
//! A value is read anew whenever it is needed, so that a new one is in force at once. It is never kept, never shown, and in
//! no record: whoever holds one can only compare or pass it on.

use std::fmt;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linn_core::id::SecretName;

/// The largest value, in bytes: keys are small.
const MAX_BYTES: u64 = 64 * 1024;
/// What others may not do with the file of a secret.
const OTHERS: u32 = 0o077;

/// A value. It is not printed, whatever prints it.
pub struct SecretValue(Vec<u8>);

impl SecretValue {
    /// The value itself. Never empty.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn for_tests(value: &[u8]) -> Self {
        Self(value.to_vec())
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(***)")
    }
}

/// Why a secret cannot be had. Each names the secret, and none says anything of its value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Nobody has given it a value.
    #[error(
        "secret {name} has no value yet: write it into {} with mode 0600, or start the master with {variable}",
        file.display()
    )]
    NoValue {
        /// Which.
        name: SecretName,
        /// Where it was sought first.
        file: PathBuf,
        /// Where it was sought then.
        variable: String,
    },
    /// Others could read it.
    #[error("secret {name} is not used, for others may read {}, which has mode {mode:04o}: chmod 600 it", file.display())]
    Loose {
        /// Which.
        name: SecretName,
        /// Its file.
        file: PathBuf,
        /// Of the file.
        mode: u32,
    },
    /// The file is there and of no use.
    #[error("secret {name} cannot be used: {} {why}", file.display())]
    Unusable {
        /// Which.
        name: SecretName,
        /// Its file.
        file: PathBuf,
        /// A clause.
        why: String,
    },
}

/// Where values come from. Cheap to clone.
#[derive(Clone)]
pub struct Secrets {
    folder: Arc<Path>,
    variable: fn(&str) -> Option<Vec<u8>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.folder).finish()
    }
}

impl Secrets {
    /// Those of a state folder, and of this process's environment.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        let variable = |name: &str| {
            let value = std::env::var_os(name)?;
            Some(std::os::unix::ffi::OsStringExt::into_vec(value))
        };
        Self { folder: dir.join("secrets").into(), variable }
    }

    /// The present value (F12).
    ///
    /// # Errors
    /// [`SecretError`]: one sentence that names the secret (F41).
    pub fn value(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        let file = self.folder.join(name.as_str());
        let variable = variable_of(name);
        let value = match self.read(name, &file)? {
            Some(value) => value,
            None => (self.variable)(&variable).unwrap_or_default(),
        };
        if value.is_empty() {
            return Err(SecretError::NoValue { name: name.clone(), file, variable });
        }
        Ok(SecretValue(value))
    }

    /// The same, away from the threads that must not wait for a disk.
    ///
    /// # Errors
    /// As [`Secrets::value`].
    pub(crate) async fn fetch(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        let (secrets, wanted) = (self.clone(), name.clone());
        match tokio::task::spawn_blocking(move || secrets.value(&wanted)).await {
            Ok(found) => found,
            Err(_) => Err(SecretError::Unusable {
                name: name.clone(),
                file: self.folder.join(name.as_str()),
                why: "could not be read: the reader broke off".to_owned(),
            }),
        }
    }

    /// One sentence for each secret of a list that has no value now (F41).
    pub fn missing<'a>(&self, names: impl IntoIterator<Item = &'a SecretName>) -> Vec<String> {
        let mut missing = Vec::new();
        for name in names {
            if let Err(error) = self.value(name) {
                missing.push(error.to_string());
            }
        }
        missing
    }

    /// What its file holds; `None`: there is no file.
    fn read(&self, name: &SecretName, file: &Path) -> Result<Option<Vec<u8>>, SecretError> {
        let unusable =
            |why: String| SecretError::Unusable { name: name.clone(), file: file.to_owned(), why };
        // Not to wait for who never writes into a pipe of that name.
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let opened = std::fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(file);
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(format!("cannot be opened: {error}"))),
        };
        let about =
            opened.metadata().map_err(|error| unusable(format!("cannot be read: {error}")))?;
        if !about.is_file() {
            return Err(unusable("is no ordinary file".to_owned()));
        }
        let mode = about.permissions().mode() & 0o7777;
        if mode & OTHERS != 0 {
            return Err(SecretError::Loose { name: name.clone(), file: file.to_owned(), mode });
        }
        let mut value = Vec::new();
        opened
            .take(MAX_BYTES + 1)
            .read_to_end(&mut value)
            .map_err(|error| unusable(format!("cannot be read: {error}")))?;
        if value.len() as u64 > MAX_BYTES {
            return Err(unusable(format!("holds more than {MAX_BYTES} bytes")));
        }
        if value.last() == Some(&b'\n') {
            value.pop();
            if value.last() == Some(&b'\r') {
                value.pop();
            }
        }
        Ok(Some(value))
    }
}

/// The variable that may hold a secret: `LINN_SECRET_GITHUB_HOOK` of `github-hook`.
fn variable_of(name: &SecretName) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("LINN_SECRET_{}", name.as_str().chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> (tempfile::TempDir, Secrets) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("secrets")).unwrap();
        let variable = |name: &str| (name == "LINN_SECRET_B_2").then(|| b"from outside".to_vec());
        let secrets = Secrets { variable, ..Secrets::of(dir.path()) };
        (dir, secrets)
    }

    fn put(dir: &tempfile::TempDir, name: &str, value: &[u8], mode: u32) {
        let file = dir.path().join("secrets").join(name);
        std::fs::write(&file, value).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn why(secrets: &Secrets, name: &str) -> String {
        secrets.value(&name.into()).unwrap_err().to_string()
    }

    /// F12.
    #[test]
    fn a_file_comes_first_and_loses_its_last_line_feed() {
        let (dir, secrets) = secrets();
        put(&dir, "a", b"one\ntwo\n", 0o600);
        assert_eq!(secrets.value(&"a".into()).unwrap().bytes(), b"one\ntwo");
        put(&dir, "a", b"x\r\n", 0o400);
        assert_eq!(secrets.value(&"a".into()).unwrap().bytes(), b"x");
        assert_eq!(secrets.value(&"b-2".into()).unwrap().bytes(), b"from outside");
        put(&dir, "b-2", b"from the file", 0o600);
        assert_eq!(secrets.value(&"b-2".into()).unwrap().bytes(), b"from the file");
    }

    /// F41.
    #[test]
    fn what_has_no_value_is_told_by_name_and_no_value_is_ever_shown() {
        let (dir, secrets) = secrets();
        let folder = dir.path().join("secrets");
        assert_eq!(
            why(&secrets, "a.b"),
            format!(
                "secret a.b has no value yet: write it into {}/a.b with mode 0600, or start the master with LINN_SECRET_A_B",
                folder.display()
            )
        );
        put(&dir, "empty", b"\n", 0o600);
        assert!(why(&secrets, "empty").contains("no value yet"));
        put(&dir, "loose", b"hunter2", 0o640);
        let said = why(&secrets, "loose");
        assert!(said.contains("mode 0640: chmod 600 it") && !said.contains("hunter2"), "{said}");
        put(&dir, "large", &vec![b'x'; 70_000], 0o600);
        assert!(why(&secrets, "large").contains("more than 65536 bytes"));
        std::fs::create_dir(folder.join("folder")).unwrap();
        assert!(why(&secrets, "folder").contains("no ordinary file"));
        put(&dir, "good", b"hunter2", 0o600);
        let good = secrets.value(&"good".into()).unwrap();
        assert_eq!(format!("{good:?}"), "SecretValue(***)");
        assert_eq!(secrets.missing(&["good".into(), "none".into()]).len(), 1);
    }
}
