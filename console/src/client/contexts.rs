//! Named masters: `contexts.toml` in the folder of the console's settings.
//!
//! ```toml
//! current = "prod"
//!
//! [contexts.prod]
//! server = "unix:/srv/linn/linn.sock"
//! ```
//!
//! Keys that this module does not know (a colour, `read_only`) belong to the console and are kept when it writes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::address::ServerAddr;
use super::error::ClientError;
use super::references::is_name;

/// The file, read.
#[derive(Debug, Clone)]
pub struct Contexts {
    path: PathBuf,
    table: Table,
}

/// One named master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Its name.
    pub name: String,
    /// Its address as written.
    pub server: String,
    /// Whether it is used when nothing else is said.
    pub current: bool,
}

impl Contexts {
    /// Reads the file; one that is not there holds no contexts.
    ///
    /// # Errors
    /// [`super::Kind::Usage`] when it cannot be read or is no TOML of this shape.
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(ClientError::usage(format!("cannot read {}", path.display()))
                    .why(error.to_string()));
            }
        };
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            ClientError::usage(format!("{} is no TOML", path.display())).why(error.message())
        })?;
        let contexts = Self { path: path.to_owned(), table };
        contexts.check()?;
        Ok(contexts)
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Context> {
        let current = self.current_name();
        let tables = self.table.get("contexts").and_then(Value::as_table);
        let mut all: Vec<Context> = tables
            .into_iter()
            .flatten()
            .map(|(name, context)| Context {
                name: name.clone(),
                server: server_of(context).unwrap_or_default().to_owned(),
                current: current == Some(name),
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The one in use, if any was chosen.
    #[must_use]
    pub fn current(&self) -> Option<Context> {
        self.all().into_iter().find(|context| context.current)
    }

    /// The one called `name`.
    ///
    /// # Errors
    /// [`super::Kind::Refused`] when there is none.
    pub fn named(&self, name: &str) -> Result<Context, ClientError> {
        self.all().into_iter().find(|context| context.name == name).ok_or_else(|| {
            let names: Vec<String> = self.all().into_iter().map(|context| context.name).collect();
            let error = ClientError::refused(format!("there is no context `{name}`"));
            if names.is_empty() {
                error
                    .why(format!("{} names none", self.path.display()))
                    .hint(format!("add it with `linn context add {name} unix:PATH`"))
            } else {
                error.why(format!("there are: {}", names.join(", ")))
            }
        })
    }

    /// Adds a master; the first one added becomes current.
    ///
    /// # Errors
    /// [`super::Kind::Usage`] for a bad name or address, [`super::Kind::Refused`] when the name is taken.
    pub fn add(&mut self, name: &str, server: &str) -> Result<(), ClientError> {
        if !is_name(name) {
            return Err(ClientError::usage(format!("`{name}` cannot be a context's name"))
                .why("a name has letters, digits and . _ - + @ : and does not begin with `_`"));
        }
        server.parse::<ServerAddr>()?;
        if self.named(name).is_ok() {
            return Err(ClientError::refused(format!("there is a context `{name}` already"))
                .hint(format!("`linn context remove {name}` first")));
        }
        let first = self.all().is_empty();
        let mut context = Table::new();
        context.insert("server".to_owned(), Value::String(server.to_owned()));
        let contexts = self.table.entry("contexts").or_insert_with(|| Value::Table(Table::new()));
        if let Some(contexts) = contexts.as_table_mut() {
            contexts.insert(name.to_owned(), Value::Table(context));
        }
        if first {
            self.table.insert("current".to_owned(), Value::String(name.to_owned()));
        }
        self.write()
    }

    /// Makes `name` the current one.
    ///
    /// # Errors
    /// [`super::Kind::Refused`] when there is none of that name.
    pub fn choose(&mut self, name: &str) -> Result<(), ClientError> {
        self.named(name)?;
        self.table.insert("current".to_owned(), Value::String(name.to_owned()));
        self.write()
    }

    /// Forgets `name`; when it was current, none is.
    ///
    /// # Errors
    /// [`super::Kind::Refused`] when there is none of that name.
    pub fn remove(&mut self, name: &str) -> Result<Context, ClientError> {
        let context = self.named(name)?;
        if let Some(contexts) = self.table.get_mut("contexts").and_then(Value::as_table_mut) {
            contexts.remove(name);
        }
        if context.current {
            self.table.remove("current");
        }
        self.write()?;
        Ok(context)
    }

    fn current_name(&self) -> Option<&str> {
        self.table.get("current").and_then(Value::as_str)
    }

    fn check(&self) -> Result<(), ClientError> {
        let file = self.path.display();
        let wrong = |why: String| {
            Err(ClientError::usage(format!("{file} has a mistake"))
                .why(why)
                .hint("each context is a table: [contexts.NAME] with server = \"unix:PATH\""))
        };
        if self.table.get("current").is_some_and(|current| !current.is_str()) {
            return wrong("`current` is a context's name".to_owned());
        }
        let Some(contexts) = self.table.get("contexts") else {
            return match self.current_name() {
                Some(name) => wrong(format!("`current` names `{name}`, which is not there")),
                None => Ok(()),
            };
        };
        let Some(contexts) = contexts.as_table() else {
            return wrong("`contexts` holds the contexts by name".to_owned());
        };
        if let Some((name, _)) = contexts.iter().find(|(_, one)| server_of(one).is_none()) {
            return wrong(format!("context `{name}` has no `server`"));
        }
        match self.current_name() {
            Some(name) if !contexts.contains_key(name) => {
                wrong(format!("`current` names `{name}`, which is not there"))
            }
            _ => Ok(()),
        }
    }

    /// Written beside and renamed, so that a reader never sees half a file.
    fn write(&self) -> Result<(), ClientError> {
        let failed = |error: io::Error| {
            ClientError::internal(format!("cannot write {}", self.path.display()))
                .why(error.to_string())
        };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let beside = self.path.with_extension(format!("toml.{}", std::process::id()));
        fs::write(&beside, self.table.to_string()).map_err(failed)?;
        fs::rename(&beside, &self.path).map_err(failed)
    }
}

fn server_of(context: &Value) -> Option<&str> {
    context.as_table()?.get("server")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Kind;

    #[test]
    fn add_use_remove() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("linn/contexts.toml");
        let mut contexts = Contexts::read(&path).expect("none yet");
        assert!(contexts.all().is_empty());
        contexts.add("prod", "unix:/a").expect("added");
        contexts.add("test", "http://127.0.0.1:1").expect("added");
        assert_eq!(contexts.add("prod", "unix:/b").expect_err("taken").kind(), Kind::Refused);
        assert_eq!(contexts.add("_x", "unix:/b").expect_err("name").kind(), Kind::Usage);
        assert_eq!(contexts.add("x", "nowhere").expect_err("address").kind(), Kind::Usage);
        let mut again = Contexts::read(&path).expect("what was written");
        assert_eq!(again.current().map(|context| context.server), Some("unix:/a".to_owned()));
        again.choose("test").expect("known");
        assert_eq!(again.choose("none").expect_err("unknown").kind(), Kind::Refused);
        again.remove("test").expect("known");
        assert_eq!(Contexts::read(&path).expect("read").current(), None);
    }

    #[test]
    fn keys_of_the_console_are_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("contexts.toml");
        fs::write(&path, "[contexts.a]\nserver = \"unix:/a\"\nread_only = true\n")
            .expect("written");
        Contexts::read(&path).expect("read").choose("a").expect("known");
        let text = fs::read_to_string(&path).expect("read");
        assert!(text.contains("read_only = true") && text.contains("current = \"a\""), "{text}");
    }

    #[test]
    fn mistakes_are_told() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("contexts.toml");
        for text in
            ["= 1", "current = 3", "current = \"x\"", "contexts = 1", "[contexts.a]\nsrv = 1"]
        {
            fs::write(&path, text).expect("written");
            let error = Contexts::read(&path).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(error.sentences().1.is_some(), "{text}");
        }
    }
}
