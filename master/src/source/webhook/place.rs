//! Which of the repositories that the configuration names a forge's address means: so that a change has the same
//! repository, and the same key, whoever tells of it first (CH-2, I2).

use linn_core::config::Config;
use linn_core::id::CodebaseName;

/// The configuration's own spelling of a repository that others call by these addresses; the first of them where it names
/// none. What pollers look at comes first, for they make keys, too.
pub(in crate::source) fn spelled(config: &Config, addresses: &[String]) -> String {
    let known: Vec<&str> = config.repositories().collect();
    let meant = addresses.iter().find_map(|address| {
        known.iter().find(|known| is_same(known, address)).map(|known| (*known).to_owned())
    });
    meant.or_else(|| addresses.first().cloned()).unwrap_or_default()
}

/// The codebase of a repository, by whatever address (CH-2): what a poller that looks there says, else the one that is
/// declared to live there; `None`: the core's rule decides.
pub(in crate::source) fn codebase_of(config: &Config, repository: &str) -> Option<CodebaseName> {
    let looks_there = |source: &&linn_core::config::Source| {
        source.kind.looks_at().is_some_and(|at| is_same(at.repository, repository))
    };
    let mut polled = config.sources.values().filter(looks_there);
    polled.find_map(|source| source.codebase.clone()).or_else(|| {
        let mut declared = config.codebases.iter();
        let found = declared.find(|(_, codebase)| is_same(&codebase.repository, repository));
        found.map(|(name, _)| name.clone())
    })
}

/// The repository that the configuration names and whose server calls it so, if it is the only one.
pub(super) fn of_project(config: &Config, project: &str) -> Option<String> {
    let project = trimmed(project);
    let is_it = |known: &&str| {
        let path = place(known).map_or_else(|| trimmed(known), |(_, path)| path);
        path == project || path.strip_suffix(project).is_some_and(|rest| rest.ends_with('/'))
    };
    let mut found = config.repositories().filter(is_it).filter(|_| !project.is_empty());
    let first = found.next()?;
    found.all(|other| is_same(first, other)).then(|| first.to_owned())
}

/// Whether two addresses lead to one repository: over whatever protocol, as whatever user.
fn is_same(one: &str, other: &str) -> bool {
    match (place(one), place(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => !trimmed(one).is_empty() && trimmed(one) == trimmed(other),
        _ => false,
    }
}

/// Host and path of a URL, or of `host:path`; `None`: a folder of this machine.
fn place(address: &str) -> Option<(String, &str)> {
    let (authority, path) = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        None => {
            let (host, path) = address.split_once(':')?;
            if host.contains('/') {
                return None;
            }
            (host, path)
        }
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    let path = trimmed(path);
    // Gerrit serves what needs a password below `/a/`.
    Some((host.to_ascii_lowercase(), path.strip_prefix("a/").unwrap_or(path)))
}

fn trimmed(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    if path.len() > 1 { path.trim_start_matches('/') } else { path }
}

#[cfg(test)]
mod tests {
    use linn_core::config::{Codebase, Config};
    use linn_core::id::ConfigDigest;

    use super::*;

    #[test]
    fn one_repository_has_many_addresses() {
        let same = [
            "https://Git.example/o/r.git",
            "https://git.example/o/r",
            "https://ana:x@git.example:8443/o/r/",
            "ssh://git@git.example:22/o/r.git",
            "git@git.example:o/r.git",
            "https://git.example/a/o/r",
        ];
        for one in same {
            for other in same {
                assert!(is_same(one, other), "{one} {other}");
            }
        }
        for other in ["https://git.example/o/r2", "https://evil.example/o/r", "/o/r", "", "o/r"] {
            assert!(!is_same(same[0], other), "{other}");
        }
        assert!(is_same("/srv/git/r.git", "/srv/git/r/") && !is_same("/", ""));
    }

    #[test]
    fn the_spelling_is_the_configurations() {
        let mut config = Config::empty(ConfigDigest::new("d"));
        let codebase = Codebase { repository: "git@x:o/r".to_owned(), ..Codebase::default() };
        config.codebases.insert("r".into(), codebase);
        let known = ["https://x/o/r.git".to_owned()];
        assert_eq!(spelled(&config, &known), "git@x:o/r");
        let unknown = ["https://y/o/r".to_owned(), "git@y:o/r".to_owned()];
        assert_eq!(spelled(&config, &unknown), "https://y/o/r");
        assert_eq!(spelled(&config, &[]), "");
        assert_eq!(codebase_of(&config, "https://x/o/r/"), Some("r".into()));
        assert_eq!((codebase_of(&config, "https://y/o/r"), codebase_of(&config, "")), (None, None));
        assert_eq!(of_project(&config, "o/r").as_deref(), Some("git@x:o/r"));
        assert_eq!(of_project(&config, "r").as_deref(), Some("git@x:o/r"));
        assert_eq!((of_project(&config, "/r2"), of_project(&config, "")), (None, None));
        let codebase = Codebase { repository: "/srv/r.git".to_owned(), ..Codebase::default() };
        config.codebases.insert("s".into(), codebase);
        assert_eq!(of_project(&config, "r"), None, "there are two");
    }
}
