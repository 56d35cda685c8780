//! What may name a repository, a branch, a revision: nothing that git, hg, svn or a shell could take for something else.

use linn_proto::worker::{Checkout, Vcs};

/// Checks everything that goes onto a command line. True when the repository is a folder of this machine. An error is a
/// sentence for the user.
pub(crate) fn check(what: &Checkout) -> Result<bool, String> {
    let local = repository(&what.repository, what.vcs())?;
    if let Some(branch) = &what.branch {
        name(branch, "branch", what.vcs())?;
    }
    if let Some(revision) = &what.revision {
        name(revision, "revision", what.vcs())?;
    }
    Ok(local)
}

/// Whether the text is a whole commit id.
pub(super) fn is_commit_id(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn name(text: &str, what: &str, vcs: Vcs) -> Result<(), String> {
    match (vcs, what) {
        (Vcs::Unspecified | Vcs::Git, _) => reference(text, what),
        (Vcs::Svn, "revision") => match text.parse::<u64>() {
            Ok(number) if number.to_string() == text => Ok(()),
            _ => Err(format!("`{text}` cannot be a revision: in svn it is a number")),
        },
        _ => plain(text, what),
    }
}

/// The rules for branches of hg and svn, and for revisions of hg: what would be an option, a step upwards or a part of an
/// expression is none.
fn plain(text: &str, what: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("`{text}` cannot be a {what}: {why}"));
    if text.is_empty() {
        return refuse("it is empty");
    }
    if text.starts_with('-') {
        return refuse("it begins with `-`");
    }
    if text.contains(|c: char| c.is_control() || "\\\"':".contains(c)) {
        return refuse("it holds quotes, colons, backslashes or control characters");
    }
    if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return refuse("it is no plain path");
    }
    Ok(())
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

/// The protocols that only carry a repository.
const fn schemes(vcs: Vcs) -> (&'static [&'static str], &'static str) {
    match vcs {
        Vcs::Unspecified | Vcs::Git => (
            &["https", "http", "ssh", "git", "git+ssh"],
            "give an https, ssh, git or file address, or an absolute path",
        ),
        Vcs::Hg => {
            (&["https", "http", "ssh"], "give an https, ssh or file address, or an absolute path")
        }
        Vcs::Svn => (
            &["https", "http", "svn", "svn+ssh"],
            "give an https, svn, svn+ssh or file address, or an absolute path",
        ),
    }
}

fn repository(text: &str, vcs: Vcs) -> Result<bool, String> {
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
        let (known, hint) = schemes(vcs);
        if scheme == "file" {
            return if rest.starts_with('/') { Ok(true) } else { refuse(hint) };
        }
        if !known.contains(&scheme) {
            return refuse(hint);
        }
        // ssh takes a host or a user that begins with `-` for an option.
        let server = rest.split('/').next().unwrap_or(rest);
        if server.split('@').any(|part| part.starts_with('-')) {
            return refuse("its host begins with `-`");
        }
        return Ok(false);
    }
    if text.starts_with('/') {
        return Ok(true);
    }
    if !matches!(vcs, Vcs::Unspecified | Vcs::Git) {
        return refuse(schemes(vcs).1);
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
            assert_eq!(repository(text, Vcs::Git), Ok(local), "{text}");
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
            "ssh://git@-oProxyCommand=x/y",
            "file://host/x",
            "-x@host:y",
            "git@-oProxyCommand=x:y",
            "https://host/x\ny",
        ] {
            assert!(repository(text, Vcs::Git).is_err(), "{text}");
            assert!(repository(text, Vcs::Hg).is_err(), "{text}");
            assert!(repository(text, Vcs::Svn).is_err(), "{text}");
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
    fn each_program_has_its_own_rules() {
        assert_eq!(repository("svn+ssh://host/x", Vcs::Svn), Ok(false));
        assert_eq!(repository("svn://host/x", Vcs::Svn), Ok(false));
        assert_eq!(repository("/srv/x", Vcs::Svn), Ok(true));
        assert_eq!(repository("ssh://hg@host/x", Vcs::Hg), Ok(false));
        for text in ["svn+evil://host/x", "git@host:x", "svn+ssh://-oX/y", "svn+ssh://-l@h/y"] {
            assert!(repository(text, Vcs::Svn).is_err(), "{text}");
        }
        for text in ["host:x", "bundle:/x", "svn://host/x", "ssh://-oX/y"] {
            assert!(repository(text, Vcs::Hg).is_err(), "{text}");
        }
        for good in ["branches/1.0", "trunk", "stable branch", "ünïcode", "a@b"] {
            assert_eq!(name(good, "branch", Vcs::Svn), Ok(()), "{good}");
            assert_eq!(name(good, "branch", Vcs::Hg), Ok(()), "{good}");
        }
        for bad in ["", "-rf", "../x", "a/../b", "/a", "a\"b", "a'b", "a\\b", "a:b", "a\nb"] {
            assert!(name(bad, "branch", Vcs::Svn).is_err(), "{bad}");
            assert!(name(bad, "branch", Vcs::Hg).is_err(), "{bad}");
        }
        assert_eq!(name("17", "revision", Vcs::Svn), Ok(()));
        for bad in ["HEAD", "-1", "1:2", "+1", "01", "{2020-01-01}"] {
            assert!(name(bad, "revision", Vcs::Svn).is_err(), "{bad}");
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
