//! `console.toml`: the person's own settings. Unknown keys are errors with the place, so that a slip is never silent.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Settings of one person. Everything has a default, an absent file is an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which colours.
    pub palette: Palette,
    /// `true`: a light background; absent: found out from `COLORFGBG`, else dark.
    pub light: Option<bool>,
    /// ASCII characters only.
    pub ascii: bool,
    /// Never ring.
    pub no_notify: bool,
    /// The waterfall has now at the bottom.
    pub now_at_bottom: bool,
    /// Time stamps beside log lines at first.
    pub log_times: bool,
}

/// A set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Palette {
    /// Blue and orange: told apart by everybody.
    #[default]
    Default,
    /// Green and red.
    Classic,
    /// Bold, dim and reverse only.
    Mono,
    /// Bright colours, no dim text.
    HighContrast,
}

/// Why the settings could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is there but cannot be read.
    #[error("cannot read the console settings {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no TOML, or has a key or value that is not known.
    #[error("mistake in the console settings {path}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and what.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl Settings {
    /// Where the file is: `$XDG_CONFIG_HOME/linn/console.toml`, or below `~/.config`. `None` without a home.
    pub fn path() -> Option<PathBuf> {
        let folder = match std::env::var_os("XDG_CONFIG_HOME") {
            Some(folder) if Path::new(&folder).is_absolute() => PathBuf::from(folder),
            _ => PathBuf::from(std::env::var_os("HOME")?).join(".config"),
        };
        Some(folder.join("linn").join("console.toml"))
    }

    /// Reads the file; an absent one gives the defaults.
    ///
    /// # Errors
    /// [`SettingsError`] when the file is there and cannot be used as it stands.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| SettingsError::Parse {
                path: path.to_owned(),
                source: Box::new(error),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(SettingsError::Read { path: path.to_owned(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_file_gives_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::load(&folder.path().join("console.toml")).unwrap();
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn a_slip_is_an_error_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("console.toml");
        std::fs::write(&path, "palette = \"classic\"\nlog_tmes = true\n").unwrap();
        let error = Settings::load(&path).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("line 2") && cause.contains("log_tmes"), "{cause}");
    }
}
