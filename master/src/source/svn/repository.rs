//! A Subversion repository, or a project inside one, as `svn` sees it. Nothing of it is kept on this machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use linn_core::config::{SVN_TRUNK, SvnLayout};

use super::log::{Entry, entries};
use super::xml::{Event, events};
use crate::source::git::shown;
use crate::source::tool::{ASK_PATIENCE, Address, SSH, Tool, ToolError, address};

pub(super) const PROGRAM: &str = "svn";
/// `svn+NAME` runs the program that somebody's settings call NAME: of those, only ssh.
pub(in crate::source) const SCHEMES: &[&str] = &["https", "http", "svn", "svn+ssh", "file"];
/// The most bytes of one answer about revisions before fewer are asked for.
const LOG_MAX_BYTES: usize = 16 << 20;

/// A repository.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    name: String,
    /// Without a slash at its end.
    url: String,
    remote: bool,
}

/// What svn says of a folder of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Info {
    /// The newest revision of the repository, or the one that was asked about.
    pub(super) revision: u64,
    /// The last that changed something in it.
    pub(super) changed: u64,
    /// From the root of the repository: `/`, or `/a/b`.
    pub(super) prefix: String,
}

impl Repository {
    /// By its address.
    ///
    /// # Errors
    /// [`ToolError::Address`].
    pub(super) fn new(name: &str) -> Result<Self, ToolError> {
        let (url, remote) = match address(PROGRAM, SCHEMES, name)? {
            Address::Url(url) => {
                let remote = !url.starts_with("file:");
                (url, remote)
            }
            Address::Folder(folder) => {
                use std::os::unix::ffi::OsStrExt as _;
                (format!("file://{}", encoded(folder.as_os_str().as_bytes())), false)
            }
        };
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { name: name.to_owned(), url, remote })
    }

    /// As configured.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Made safe for sentences.
    pub(super) fn shown(&self) -> String {
        shown(&self.name)
    }

    /// Whether a look goes over a network.
    pub(super) fn is_remote(&self) -> bool {
        self.remote
    }

    fn svn(&self, what: &str) -> Tool {
        let tool = Tool::new(PROGRAM, format!("{what} of {}", self.shown())).patience(ASK_PATIENCE);
        let tool = match std::env::var_os("SVN_SSH") {
            Some(_) => tool,
            None => tool.env("SVN_SSH", SSH),
        };
        tool.args(["--non-interactive", "--no-auth-cache"])
            .args(["--config-option", "servers:global:http-timeout=60"])
    }

    /// The address of a folder in it (empty: itself) at a revision. What follows the last `@` is the revision, so an `@`
    /// in a name does no harm.
    fn at(&self, path: &str, revision: Option<u64>) -> String {
        let mut url = self.url.clone();
        if !path.is_empty() {
            let _ = write!(url, "/{}", encoded(path.as_bytes()));
        }
        url.push('@');
        if let Some(revision) = revision {
            let _ = write!(url, "{revision}");
        }
        url
    }

    /// What svn says of a folder; `None`: there is none.
    ///
    /// # Errors
    /// When the repository cannot be asked.
    pub(super) async fn info(
        &self,
        path: &str,
        revision: Option<u64>,
    ) -> Result<Option<Info>, ToolError> {
        let what = "read the newest revision";
        let asked = self.svn(what).args(["info", "--xml", "--", &self.at(path, revision)]);
        let said = match asked.run_if().await? {
            Ok(said) => said,
            // There is no such thing in that revision, or no such revision.
            Err(why) if why.starts_with("E200009") || why.starts_with("E160006") => {
                return Ok(None);
            }
            Err(said) => {
                let what = format!("{what} of {}", self.shown());
                return Err(ToolError::Failed { program: PROGRAM, what, said });
            }
        };
        let unreadable = || ToolError::Unreadable {
            program: PROGRAM,
            what: format!("{what} of {}", self.shown()),
        };
        info_of(&String::from_utf8_lossy(&said)).map(Some).ok_or_else(unreadable)
    }

    /// What svn says of all of it.
    ///
    /// # Errors
    /// When it cannot be asked, or is not there.
    pub(super) async fn whole(&self) -> Result<Info, ToolError> {
        let not = || ToolError::NotThere {
            path: self.shown(),
            program: PROGRAM,
            why: "the repository has no such folder",
        };
        self.info("", None).await?.ok_or_else(not)
    }

    /// The branches there are, by the names of tips, each with the last revision that changed it.
    ///
    /// # Errors
    /// When it cannot be asked, or has things in it and none of them is a trunk or branches.
    pub(super) async fn branches(
        &self,
        layout: SvnLayout,
        at: &Info,
    ) -> Result<BTreeMap<String, u64>, ToolError> {
        if layout == SvnLayout::None {
            return Ok([(SVN_TRUNK.to_owned(), at.changed)].into());
        }
        let top = self.list("", at.revision).await?;
        let known = |name: &str| matches!(name, SVN_TRUNK | "branches" | "tags");
        if !top.is_empty() && !top.keys().any(|name| known(name)) {
            return Err(ToolError::Layout(format!(
                "{} has neither `trunk` nor `branches`: name the folder that has them, or say layout = \"none\"",
                self.shown()
            )));
        }
        let mut found = BTreeMap::new();
        for (name, changed) in top {
            match name.as_str() {
                SVN_TRUNK => {
                    found.insert(name, changed);
                }
                "branches" | "tags" => {
                    let inside = self.list(&name, at.revision).await?;
                    let inside = inside.into_iter();
                    found.extend(inside.map(|(branch, at)| (format!("{name}/{branch}"), at)));
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The folders in a folder, each with the last revision that changed it.
    async fn list(&self, path: &str, revision: u64) -> Result<BTreeMap<String, u64>, ToolError> {
        let at = self.at(path, Some(revision));
        let said = self.svn("list the branches").args(["list", "--xml", "--", &at]).run().await?;
        Ok(list_of(&String::from_utf8_lossy(&said)))
    }

    /// The first `most` revisions from one to another, oldest first. Fewer when they have too much to say; never none when
    /// there are some.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) async fn log(
        &self,
        from: u64,
        until: u64,
        most: usize,
    ) -> Result<(Vec<Entry>, usize), ToolError> {
        let mut most = most;
        loop {
            match self.log_call(from, until, most, true).run().await {
                Ok(said) => return Ok((entries(&said), most)),
                Err(ToolError::TooMuch { .. }) if most > 1 => most /= 2,
                Err(ToolError::TooMuch { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        // One that alone says more than anybody reads: its first paths, and its message, which come after them.
        let mut first = entries(&self.log_call(from, until, 1, true).run_cut().await?);
        let plain = entries(&self.log_call(from, until, 1, false).run_cut().await?);
        if let (Some(entry), Some(plain)) = (first.first_mut(), plain.first()) {
            tracing::warn!(
                repository = self.shown(),
                revision = entry.revision,
                "only the first paths of a revision are kept"
            );
            entry.comments.clone_from(&plain.comments);
        }
        Ok((first, 1))
    }

    fn log_call(&self, from: u64, until: u64, most: usize, paths: bool) -> Tool {
        let range = format!("{from}:{until}");
        let tool = self.svn("read the log").limit(LOG_MAX_BYTES);
        let tool = tool.args(["log", "--xml", "-r", &range, "--limit", &most.to_string()]);
        let tool = if paths { tool.args(["-v"]) } else { tool };
        tool.args(["--", &self.at("", Some(until))])
    }
}

fn info_of(text: &str) -> Option<Info> {
    let mut info = Info { prefix: "/".to_owned(), ..Info::default() };
    let mut within = Vec::new();
    for event in events(text) {
        match event {
            Event::Open(name, attributes) => {
                let revision = attributes.iter().find(|(key, _)| key == "revision");
                let revision = revision.and_then(|(_, value)| value.parse().ok());
                match name.as_str() {
                    "entry" => info.revision = revision?,
                    "commit" => info.changed = revision?,
                    _ => {}
                }
                within.push(name);
            }
            Event::Text(text) if within.last().is_some_and(|name| name == "relative-url") => {
                let path = decoded(text.strip_prefix('^')?);
                info.prefix = if path.is_empty() { "/".to_owned() } else { path };
            }
            Event::Text(_) => {}
            Event::Close => {
                within.pop();
            }
        }
    }
    (info.revision > 0 || text.contains("</info>")).then_some(info)
}

fn list_of(text: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let (mut within, mut folder, mut name) = (String::new(), false, String::new());
    for event in events(text) {
        match event {
            Event::Open(tag, attributes) => {
                let get = |key: &str| attributes.iter().find(|(name, _)| name == key);
                match tag.as_str() {
                    "entry" => {
                        folder = get("kind").is_some_and(|(_, kind)| kind == "dir");
                        name.clear();
                    }
                    "commit" if folder && !name.is_empty() => {
                        if let Some(at) = get("revision").and_then(|(_, text)| text.parse().ok()) {
                            found.insert(name.clone(), at);
                        }
                    }
                    _ => {}
                }
                within = tag;
            }
            Event::Text(text) if within == "name" => name.push_str(&text),
            Event::Text(_) => {}
            Event::Close => within.clear(),
        }
    }
    found
}

/// A path as part of a URL.
fn encoded(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Part of a URL as a path.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls() {
        assert_eq!(encoded("a b/ä@%".as_bytes()), "a%20b/%C3%A4%40%25");
        assert_eq!(decoded("/a%20b/%C3%A4%40%2"), "/a b/ä@%2");
        let repository = Repository::new("/srv/s v n/").unwrap();
        assert_eq!(
            repository.at("branches/x@1", Some(7)),
            "file:///srv/s%20v%20n/branches/x%401@7"
        );
        assert!(Repository::new("svn+evil://h/x").is_err());
        assert!(Repository::new("svn+ssh://h/x").unwrap().is_remote());
    }
}
