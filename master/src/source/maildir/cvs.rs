//! Mails of a CVS `loginfo` script, as `buildbot_cvs_mail.py` writes them: headings with a colon, then the log.
//!
//! ```text
//! Cvsmode: 1.12
//! Category: None
//! CVSROOT: :ext:cvs.example:/cvsroot
//! Files: src/lamp.c 1.3 1.4 README NONE 1.1
//! Module: zork
//! Project: zork
//! Update of: /cvsroot/zork
//!   Tag: v1
//! Log Message:
//! Mend the lamp.
//! ```

use linn_core::change::NewChange;

use super::mail::Mail;

/// Reads a mail.
///
/// # Errors
/// What is missing in it.
pub(super) fn changes(mail: &Mail) -> Result<Vec<NewChange>, String> {
    let mut change = NewChange {
        author: mail.user.clone(),
        when: mail.when,
        vcs: "cvs".to_owned(),
        ..NewChange::default()
    };
    let mut path = String::new();
    let mut log: Option<Vec<&str>> = None;
    for line in mail.lines() {
        if let Some(log) = &mut log {
            log.push(line);
            continue;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        let said = !value.is_empty() && value != "None";
        match name.trim().to_ascii_lowercase().as_str() {
            "log message" => log = Some(Vec::new()),
            "files" => change.files = files_of(value),
            "cvsroot" if said => value.clone_into(&mut change.repository),
            "category" if said => value.clone_into(&mut change.category),
            "project" if said => value.clone_into(&mut change.project),
            "path" if said => value.trim_end_matches('/').clone_into(&mut path),
            "tag" if said => change.branch = Some(value.to_owned()),
            _ => {}
        }
    }
    let Some(log) = log else {
        return Err("it has no `Log Message:`, as a mail of CVS's does".to_owned());
    };
    if change.files.is_empty() {
        return Err("it lists no file, as a mail of CVS's does".to_owned());
    }
    if !path.is_empty() {
        for file in &mut change.files {
            *file = format!("{path}/{file}");
        }
    }
    change.comments = log.join("\n").trim_matches('\n').to_owned();
    Ok(vec![change])
}

/// `NAME OLD NEW NAME OLD NEW …`, where names may have blanks: a name ends before two versions.
fn files_of(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split(' ').collect();
    let is_version = |word: &str| {
        word == "NONE"
            || (word.contains('.') && word.bytes().all(|c| c.is_ascii_digit() || c == b'.'))
    };
    let mut files = Vec::new();
    let mut name: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let ends = !name.is_empty()
            && is_version(words[at])
            && words.get(at + 1).is_some_and(|next| is_version(next));
        if ends {
            files.push(name.join(" "));
            name.clear();
            at += 2;
        } else {
            name.push(words[at]);
            at += 1;
        }
    }
    // Without versions the rest is names, one a word.
    files.extend(name.iter().filter(|name| !name.is_empty()).map(|name| (*name).to_owned()));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "Cvsmode: 1.12\nCategory: None\nCVSROOT: :ext:cvs.frobozz.example:/cvsroot\n\
        Files: src/lamp.c 1.3 1.4 a b.txt NONE 1.1 old.c 1.9 NONE\nModule: zork\nProject: zork\n\
        Update of: /cvsroot/zork\n  Tag: v1\nLog Message:\nMend: the lamp.\n\nFiles: none\n";

    fn read(text: &str) -> Result<NewChange, String> {
        let mail = Mail { user: "ana".to_owned(), text: text.to_owned(), ..Mail::default() };
        changes(&mail).map(|mut changes| changes.remove(0))
    }

    /// F47.
    #[test]
    fn a_mail_of_cvs() {
        let told = read(MAIL).unwrap();
        assert_eq!(told.files, ["src/lamp.c", "a b.txt", "old.c"]);
        assert_eq!((told.author.as_str(), told.branch.as_deref()), ("ana", Some("v1")));
        assert_eq!((told.project.as_str(), told.category.as_str()), ("zork", ""));
        assert_eq!(told.repository, ":ext:cvs.frobozz.example:/cvsroot");
        assert_eq!(told.comments, "Mend: the lamp.\n\nFiles: none");
        let below = read(&MAIL.replace("Module: zork", "Path: zork/")).unwrap();
        assert_eq!(below.files[0], "zork/src/lamp.c");
    }

    #[test]
    fn what_is_none() {
        assert!(read("hello").unwrap_err().contains("no `Log Message:`"));
        assert!(read("Files:\nLog Message:\nx").unwrap_err().contains("lists no file"));
    }
}
