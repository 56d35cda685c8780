//! Which repositories and branches a configuration may name.

use linn_core::config::Vcs;

/// Why a repository is refused and what to write instead; nothing when it is allowed. `vcs`: what will read it, where that is
/// known.
///
/// A folder must be absolute, since a master has no folder of its own that people would expect. Forms by which git runs
/// programs (`ext::`, a leading dash) are refused though configuration is trusted: names are often pasted.
pub(super) fn repository_problem(
    vcs: Option<Vcs>,
    text: &str,
) -> Option<(&'static str, &'static str)> {
    if text.is_empty() {
        return None;
    }
    if text.starts_with('-') {
        return Some(("would be taken for an option", "write a URL or an absolute path"));
    }
    if text.chars().any(char::is_control) {
        return Some(("has a control character", "write it anew: one was pasted along"));
    }
    if text.contains("::") && !text.contains("://[") && !text.contains("@[") {
        return Some(("would make git run a program", "write a URL or an absolute path"));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let (schemes, hint) = schemes(vcs);
        if scheme == "file" {
            let is_path = rest.starts_with('/');
            return (!is_path).then_some(("names no file", "write file:/// and an absolute path"));
        }
        if !schemes.contains(&scheme) {
            return Some(("has a scheme that is not read", hint));
        }
        let server = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return server_problem(server);
    }
    if text.starts_with('/') || text.get(1..3) == Some(":\\") {
        return None;
    }
    // `host:path` and `user@host:path`, as scp has them.
    match text.split_once(':') {
        Some((host, path))
            if !host.is_empty()
                && !host.contains('/')
                && !host.contains(char::is_whitespace)
                && vcs.is_none_or(|vcs| vcs == Vcs::Git) =>
        {
            match path {
                "" => Some(("names no path", "write what stands after the colon")),
                _ => server_problem(host),
            }
        }
        _ => Some(("is a relative path", "write a URL or an absolute path")),
    }
}

/// ssh takes a user or a host that begins with `-` for an option.
fn server_problem(server: &str) -> Option<(&'static str, &'static str)> {
    if server.split('@').any(|part| part.starts_with('-')) {
        return Some((
            "would make ssh take its host or user for an option",
            "write names that begin without `-`",
        ));
    }
    let host = server.rsplit('@').next().unwrap_or_default();
    (host.is_empty() || host.starts_with(':'))
        .then_some(("names no host", "write the server before the path"))
}

/// What is read, beside `file`, and how that is said.
const fn schemes(vcs: Option<Vcs>) -> (&'static [&'static str], &'static str) {
    match vcs {
        Some(Vcs::Git) => (
            &["https", "http", "ssh", "git", "git+ssh", "ssh+git"],
            "write an https, http, ssh or git address, or an absolute path",
        ),
        Some(Vcs::Hg) => {
            (&["https", "http", "ssh"], "write an https, http or ssh address, or an absolute path")
        }
        Some(Vcs::Svn) => (
            &["https", "http", "svn", "svn+ssh"],
            "write an https, http, svn, svn+ssh or file address, or an absolute path",
        ),
        None => (
            &["https", "http", "ssh", "git", "git+ssh", "ssh+git", "svn", "svn+ssh"],
            "write an https, http, ssh, git, svn or svn+ssh address, or an absolute path",
        ),
    }
}

/// Whether an address has a password in it: `https://ana:secret@host/x`.
pub(super) fn has_password(repository: &str) -> bool {
    let (_, rest) = repository.split_once("://").unwrap_or_default();
    let server = rest.split(['/', '?', '#']).next().unwrap_or_default();
    server.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

/// Why no branch can have this name, in git as well as in the others; nothing when one can.
pub(super) fn branch_problem(text: &str) -> Option<&'static str> {
    if let Some(problem) = branch_pattern_problem(text) {
        return Some(problem);
    }
    if text.split('/').any(|part| matches!(part, "." | "..")) || text.contains("..") {
        return Some("goes upwards");
    }
    text.contains(['\\', ':', '"']).then_some("has a backslash, a colon or a quote")
}

/// The same of a text that may be a glob.
pub(super) fn branch_pattern_problem(text: &str) -> Option<&'static str> {
    if text.starts_with('-') {
        return Some("begins with `-`, so it would be taken for an option");
    }
    text.chars().any(char::is_control).then_some("has a control character")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_told_apart() {
        for good in [
            "",
            "/srv/git/app.git",
            "https://git.example/app.git",
            "ssh://git@host/app",
            "git@host:app.git",
            "https://[::1]/app.git",
            "file:///srv/app",
            "svn+ssh://ana@host/app",
        ] {
            assert_eq!(repository_problem(None, good), None, "{good}");
        }
        for bad in [
            "../app",
            "app",
            "ext::sh -c x",
            "-oProxyCommand=x",
            "https://a\nb",
            "foo://h/y",
            "ssh://-oProxyCommand=x/y",
            "svn+ssh://-x/y",
            "ssh://-x@h/y",
            "https:///y",
            "git@-x:y",
            "host:",
            "file://h/y",
        ] {
            assert!(repository_problem(None, bad).is_some(), "{bad}");
        }
        assert!(repository_problem(Some(Vcs::Hg), "svn://h/y").is_some());
        assert!(repository_problem(Some(Vcs::Svn), "h:y").is_some());
    }

    #[test]
    fn passwords_are_seen() {
        assert!(has_password("https://ana:secret@host/x"));
        for without in ["https://ana@host/x", "ssh://git@host:22/x", "git@host:x", "/srv/a:b@c"] {
            assert!(!has_password(without), "{without}");
        }
    }

    #[test]
    fn branches_are_told_apart() {
        for good in ["main", "release/1.0", "refs/pull/1/head", "a b"] {
            assert_eq!(branch_problem(good), None, "{good}");
        }
        for bad in ["-x", "a\nb", "../x", "a..b", "a:b", "a\\b"] {
            assert!(branch_problem(bad).is_some(), "{bad}");
        }
        assert_eq!(branch_pattern_problem("release/*"), None);
        assert!(branch_pattern_problem("-*").is_some());
    }
}
