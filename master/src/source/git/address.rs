//! Where a repository is: a folder of this machine, or a URL of a protocol that only carries git (security.md 2.7).
//!
//! Whatever git would take for an option, a program to run or a helper is refused here, before git sees it.

use std::path::{Component, Path, PathBuf};

use super::error::{GitError, tame};

/// A checked address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    /// A folder of this machine: read where it is.
    Folder(PathBuf),
    /// Another machine's: read through a mirror.
    Url(String),
}

const SCHEMES: &[&str] = &["https", "http", "ssh", "git", "git+ssh", "ssh+git"];

impl Address {
    /// Checks an address.
    ///
    /// # Errors
    /// [`GitError::Address`] with what is wrong and what to write instead.
    pub(super) fn parse(text: &str) -> Result<Self, GitError> {
        let refuse = |why| Err(GitError::Address { address: tame(text), why });
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.starts_with('-') {
            return refuse("it begins with `-`; write ./-name for a folder of that name");
        }
        if text.chars().any(char::is_control) {
            return refuse("it has control characters");
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            if scheme.eq_ignore_ascii_case("file") {
                return refuse("write the folder's path without `file://`");
            }
            if !SCHEMES.contains(&scheme) {
                return refuse("linn reads https, http, ssh and git addresses, and folders");
            }
            return match host_of(rest) {
                Some(host) if !host.is_empty() && !host.starts_with('-') => {
                    Ok(Self::Url(text.to_owned()))
                }
                _ => refuse("it names no host"),
            };
        }
        // `ext::program`, `fd::7`: git runs a helper named by what stands before the colons.
        if text.split_once("::").is_some_and(|(helper, _)| !helper.contains('/')) {
            return refuse("`NAME::` makes git run a helper program, which linn never does");
        }
        match text.split_once(':') {
            // scp's form; a slash before the colon makes it a path.
            Some((host, path)) if !host.contains('/') => {
                let name = host.rsplit('@').next().unwrap_or(host);
                if name.is_empty() || name.starts_with('-') || host.starts_with('-') {
                    return refuse("it names no host");
                }
                if path.is_empty() || path.starts_with('-') {
                    return refuse("it names no path after the colon");
                }
                Ok(Self::Url(text.to_owned()))
            }
            _ => Ok(Self::Folder(absolute(Path::new(text)))),
        }
    }
}

/// Between `://` and the path, without user and port.
fn host_of(rest: &str) -> Option<&str> {
    let authority = rest.split(['/', '?', '#']).next()?;
    if authority.starts_with('-') {
        return None;
    }
    let host = authority.rsplit('@').next()?;
    if host.starts_with('[') {
        return Some(host);
    }
    host.split(':').next()
}

/// What is wrong with an address of a git repository; nothing: it can be looked at.
pub(in crate::source) fn problem(text: &str) -> Option<&'static str> {
    match Address::parse(text) {
        Err(GitError::Address { why, .. }) => Some(why),
        _ => None,
    }
}

/// From the working folder, without `.`; `..` stays, for links may stand before it.
fn absolute(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.components().filter(|part| *part != Component::CurDir).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for url in [
            "https://h.example/x.git",
            "http://127.0.0.1:8080/x",
            "ssh://git@h.example:22/x",
            "git://[::1]/x",
            "git@h.example:x/y.git",
            "h.example:x",
        ] {
            assert_eq!(Address::parse(url).unwrap(), Address::Url(url.to_owned()));
        }
        for folder in ["/srv/x", "./-x", "x/y:z", "../x", "./ext::x"] {
            let address = Address::parse(folder).unwrap();
            assert!(matches!(&address, Address::Folder(path) if path.is_absolute()), "{folder}");
        }
    }

    #[test]
    fn what_git_would_run_is_refused() {
        for bad in [
            "",
            "-x",
            "--upload-pack=touch /tmp/x",
            "ext::sh -c id",
            "fd::17",
            "file:///srv/x",
            "FILE:///srv/x",
            "https://",
            "https:///x",
            "ssh://-oProxyCommand=id/x",
            "ssh://git@-oProxyCommand=id/x",
            "git@-host:x",
            "-oX:y",
            "host:",
            "host:-x",
            "ftp://h/x",
            "https://h/x\ny",
            "a\u{0}b",
        ] {
            let error = Address::parse(bad).unwrap_err();
            assert!(matches!(error, GitError::Address { .. }), "{bad:?}");
            assert!(!error.to_string().chars().any(char::is_control), "{bad:?}");
        }
    }
}
