//! Which repositories a configuration may name.

/// Why a repository is refused and what to write instead; nothing when it is allowed.
///
/// A folder must be absolute, since a master has no folder of its own that people would expect. Forms by which git runs
/// programs (`ext::`, a leading dash) are refused though configuration is trusted: names are often pasted.
pub(super) fn repository_problem(text: &str) -> Option<(&'static str, &'static str)> {
    if text.is_empty() {
        return None;
    }
    if text.starts_with('-') {
        return Some(("would be taken for an option", ""));
    }
    if text.chars().any(char::is_control) {
        return Some(("has a control character", ""));
    }
    if text.contains("::") && !text.contains("://[") && !text.contains("@[") {
        return Some(("would make git run a program", "write a URL or an absolute path"));
    }
    let is_url = text.contains("://");
    let is_path = text.starts_with('/') || text.get(1..3) == Some(":\\");
    // `host:path` and `user@host:path`, as scp has them.
    let is_scp = text.split_once(':').is_some_and(|(host, _)| {
        !host.is_empty() && !host.contains('/') && !host.contains(char::is_whitespace)
    });
    (!is_url && !is_path && !is_scp)
        .then_some(("is a relative path", "write a URL or an absolute path"))
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
        ] {
            assert_eq!(repository_problem(good), None, "{good}");
        }
        for bad in ["../app", "app", "ext::sh -c x", "-oProxyCommand=x", "https://a\nb"] {
            assert!(repository_problem(bad).is_some(), "{bad}");
        }
    }
}
