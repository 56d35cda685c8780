//! Which master a command speaks to, in the order of `cli.md`: `--server`, `$LINN_SERVER`, the current context of the
//! console's settings, `.linn/` here or in a parent folder, the user's default state folder.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use super::address::ServerAddr;
use super::contexts::Contexts;
use super::error::ClientError;

/// Where a command runs: all it may look at to find its master. Plain data, so that tests need no other process.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The working folder, absolute.
    pub folder: PathBuf,
    /// Environment variables.
    pub vars: BTreeMap<String, String>,
}

impl Place {
    /// This process's place. A variable that is no UTF-8 counts as not set.
    ///
    /// # Errors
    /// When the working folder is gone.
    pub fn here() -> Result<Self, ClientError> {
        let folder = env::current_dir().map_err(|error| {
            ClientError::usage("cannot find the working folder").why(error.to_string())
        })?;
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Ok(Self { folder, vars: env::vars_os().filter_map(text).collect() })
    }

    /// A variable that is set to something.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The file with the named masters.
    #[must_use]
    pub fn contexts_file(&self) -> Option<PathBuf> {
        let config = self
            .absolute("XDG_CONFIG_HOME")
            .or_else(|| Some(self.absolute("HOME")?.join(".config")))?;
        Some(config.join("linn/contexts.toml"))
    }

    /// The user's default state folder.
    #[must_use]
    pub fn default_folder(&self) -> Option<PathBuf> {
        let state = self
            .absolute("XDG_STATE_HOME")
            .or_else(|| Some(self.absolute("HOME")?.join(".local/state")))?;
        Some(state.join("linn"))
    }

    /// The nearest `.linn/`, here or above.
    #[must_use]
    pub fn nearest_folder(&self) -> Option<PathBuf> {
        self.folder.ancestors().map(|folder| folder.join(".linn")).find(|folder| folder.is_dir())
    }

    /// The XDG rules ask for absolute paths and to ignore others.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

/// Finds the master for this process.
///
/// # Errors
/// [`super::Kind::Usage`] for an address that is none, [`super::Kind::Refused`] for an unknown context,
/// [`super::Kind::Unreachable`] when there is nothing to go by.
pub fn resolve_server(
    server: Option<&str>,
    context: Option<&str>,
) -> Result<ServerAddr, ClientError> {
    resolve_server_at(&Place::here()?, server, context)
}

/// As [`resolve_server`], seen from `place`.
///
/// # Errors
/// As [`resolve_server`].
pub fn resolve_server_at(
    place: &Place,
    server: Option<&str>,
    context: Option<&str>,
) -> Result<ServerAddr, ClientError> {
    if let Some(server) = server {
        return Ok(anchored(&place.folder, server.parse()?));
    }
    // `--context` is said on this very command line; a variable may be years old.
    if let Some(name) = context {
        let file = place.contexts_file().ok_or_else(no_home)?;
        let context = Contexts::read(&file)?.named(name)?;
        return Ok(anchored(&place.folder, context.server.parse()?));
    }
    if let Some(server) = place.var("LINN_SERVER") {
        let addr = server.parse().map_err(|error: ClientError| error.at("from $LINN_SERVER"))?;
        return Ok(anchored(&place.folder, addr));
    }
    if let Some(file) = place.contexts_file()
        && let Some(context) = Contexts::read(&file)?.current()
    {
        return Ok(anchored(&place.folder, context.server.parse()?));
    }
    if let Some(folder) = place.nearest_folder() {
        return Ok(ServerAddr::of_folder(&folder));
    }
    let folder = place.default_folder().ok_or_else(no_home)?;
    Ok(ServerAddr::of_folder(&folder))
}

/// A relative socket path is meant from the working folder.
fn anchored(folder: &Path, addr: ServerAddr) -> ServerAddr {
    match addr {
        ServerAddr::Unix(path) => ServerAddr::Unix(folder.join(path)),
        http @ ServerAddr::Http(_) => http,
    }
}

fn no_home() -> ClientError {
    ClientError::unreachable("cannot tell which master is meant")
        .why("there is no `.linn` folder here or above, and $HOME is not set")
        .hint("name it with --server unix:PATH, or start one with `linn up`")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::client::Kind;

    #[test]
    fn the_order_of_the_contract() {
        let dir = tempfile::tempdir().expect("a folder");
        let below = dir.path().join("work/deep");
        fs::create_dir_all(&below).expect("made");
        let mut place = Place { folder: below.clone(), vars: BTreeMap::new() };
        let found = |place: &Place, server: Option<&str>, context: Option<&str>| {
            resolve_server_at(place, server, context).expect("an address").to_string()
        };

        assert_eq!(
            resolve_server_at(&place, None, None).expect_err("nothing").kind(),
            Kind::Unreachable
        );
        place.vars.insert("HOME".to_owned(), dir.path().display().to_string());
        let home = dir.path().display();
        assert_eq!(found(&place, None, None), format!("unix:{home}/.local/state/linn/linn.sock"));
        fs::create_dir(dir.path().join("work/.linn")).expect("made");
        assert_eq!(found(&place, None, None), format!("unix:{home}/work/.linn/linn.sock"));
        let file = place.contexts_file().expect("a home");
        let mut contexts = Contexts::read(&file).expect("none");
        contexts.add("prod", "unix:/prod").expect("added");
        contexts.add("test", "unix:/test").expect("added");
        assert_eq!(found(&place, None, None), "unix:/prod");
        place.vars.insert("LINN_SERVER".to_owned(), "unix:/env".to_owned());
        assert_eq!(found(&place, None, None), "unix:/env");
        assert_eq!(found(&place, None, Some("test")), "unix:/test");
        assert_eq!(found(&place, Some("unix:rel"), None), format!("unix:{}/rel", below.display()));
    }

    #[test]
    fn a_bad_variable_is_named() {
        let mut place = Place { folder: PathBuf::from("/"), vars: BTreeMap::new() };
        place.vars.insert("LINN_SERVER".to_owned(), "nowhere".to_owned());
        let error = resolve_server_at(&place, None, None).expect_err("no address");
        assert!(error.sentences().0.contains("$LINN_SERVER"));
        assert_eq!(error.kind(), Kind::Usage);
    }
}
