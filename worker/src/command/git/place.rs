//! What may name a repository, a branch, a revision: nothing that git or a shell could take for something else.

use linn_proto::worker::Checkout;

/// Checks everything that goes onto a command line of git. True when the repository is a folder of this machine. An
/// error is a sentence for the user.
pub(crate) fn check(what: &Checkout) -> Result<bool, String> {
    let local = repository(&what.repository)?;
    if let Some(branch) = &what.branch {
        reference(branch, "branch")?;
    }
    if let Some(revision) = &what.revision {
        reference(revision, "revision")?;
    }
    Ok(local)
}

/// Whether the text is a whole commit id.
pub(super) fn is_commit_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The parts of a repository's address that must not be shown: what stands before the `@` of a URL.
pub(crate) fn secrets(repository: &str) -> impl Iterator<Item = &str> {
    let (scheme, rest) = repository.split_once("://").unwrap_or_default();
    let host = rest.split('/').next();
    let user = host.and_then(|host| host.rsplit_once('@')).map(|(user, _)| user);
    // A bare user name is no secret, and hiding `git` would make any log of git unreadable. Over HTTP it is a token: nobody
    // there asks for a name alone.
    let is_token = matches!(scheme, "http" | "https");
    let is_secret = move |user: &&str| user.contains(':') || (is_token && *user != "git");
    user.into_iter().filter(is_secret).flat_map(|user| {
        let password = user.split_once(':').map(|(_, password)| password);
        [Some(user), password].into_iter().flatten()
    })
}

fn repository(text: &str) -> Result<bool, String> {
    let refuse = |why: &str| Err(format!("`{text}` cannot be a repository: {why}"));
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.starts_with('-') {
        return refuse("it begins with `-`");
    }
    if text.chars().any(char::is_control) {
        return refuse("it holds control characters");
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return match scheme {
            "https" | "http" | "ssh" | "git" | "git+ssh" if !rest.starts_with('-') => Ok(false),
            "file" => Ok(true),
            _ => refuse("give an https, ssh, git or file address, or an absolute path"),
        };
    }
    if text.starts_with('/') {
        return Ok(true);
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.starts_with(':') => {
            refuse("helpers such as `ext::` are not allowed")
        }
        Some((host, path)) if !host.contains('/') && !host.is_empty() && !path.is_empty() => {
            // ssh takes a host that begins with `-` for an option.
            let bare = host.rsplit('@').next().unwrap_or(host);
            if bare.starts_with('-') { refuse("its host begins with `-`") } else { Ok(false) }
        }
        _ => refuse("a folder must be given by its absolute path"),
    }
}

/// The rules of git check-ref-format that matter to a command line, for branches and revisions alike.
fn reference(text: &str, what: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("`{text}` cannot be a {what}: {why}"));
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.starts_with('-') {
        return refuse("it begins with `-`");
    }
    let forbidden = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    if text.contains(forbidden) || text.contains("..") || text.contains("@{") {
        return refuse("it holds characters that git does not allow in one");
    }
    if text.ends_with('/')
        || text.starts_with('/')
        || text.contains("//")
        || text.ends_with(".lock")
    {
        return refuse("git does not allow it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_absolute_folders_are_repositories() {
        for (text, local) in [
            ("https://host/x.git", false),
            ("ssh://git@host/x.git", false),
            ("git@host:x/y.git", false),
            ("host:x", false),
            ("/srv/git/x.git", true),
            ("file:///srv/git/x.git", true),
        ] {
            assert_eq!(repository(text), Ok(local), "{text}");
        }
    }

    #[test]
    fn what_git_or_ssh_could_take_for_an_order_is_no_repository() {
        for text in [
            "",
            "--upload-pack=touch /tmp/x",
            "-oProxyCommand=x",
            "ext::sh -c id",
            "fd::17",
            "ftp://host/x",
            "../x",
            "x/y",
            "ssh://-oProxyCommand=x/y",
            "-x@host:y",
            "git@-oProxyCommand=x:y",
            "https://host/x\ny",
        ] {
            assert!(repository(text).is_err(), "{text}");
        }
    }

    #[test]
    fn branches_and_revisions_are_plain() {
        for good in ["main", "feature/x-1", "refs/pull/7/head", "ünïcode", "v1.0", "0123abcd"] {
            assert_eq!(reference(good, "branch"), Ok(()), "{good}");
        }
        for bad in [
            "",
            "-rf",
            "--upload-pack=x",
            "a b",
            "a..b",
            "HEAD^",
            "a:b",
            "x@{1}",
            "a\nb",
            "a//b",
            "/a",
            "HEAD~1",
        ] {
            assert!(reference(bad, "branch").unwrap_err().contains("branch"), "{bad}");
        }
    }

    #[test]
    fn only_passwords_are_secrets() {
        let of = |text| secrets(text).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of("https://ana:tok3n@host/x"), ["ana:tok3n", "tok3n"]);
        assert_eq!(of("https://gho_token@host/x"), ["gho_token"]);
        assert!(of("https://git@host/x").is_empty());
        assert!(of("ssh://git@host/x").is_empty());
        assert!(of("git@host:x").is_empty());
        assert!(of("/srv/a@b:c").is_empty());
    }
}
