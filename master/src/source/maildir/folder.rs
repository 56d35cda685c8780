//! What becomes of the files of a maildir: read from `new`, and moved to `cur` when their changes are durable (F47).
//!
//! A crash in between reads them again, and their changes are known by their keys. A mail that cannot be understood is moved
//! as well, so that it does not stand in the way of others, but flagged, and told of: it is never lost.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use linn_core::change::NewChange;
use linn_core::config::{MailDialect, Maildir, Source};
use linn_core::state::SourceCursor;

use super::mail::{MAX_MAIL_BYTES, Mail};
use super::{cvs, generic, svn};
use crate::fit;
use crate::source::git::shown;
use crate::source::look::{Look, Portion};

/// The most mails of one look; the rest is for the next.
const MAX_MAILS: usize = 10_000;
/// The most mails of one portion.
const PORTION: usize = 100;
/// Of a maildir: the mail was read.
const SEEN: &str = ":2,S";
/// Of a maildir: the mail wants a person.
const FLAGGED: &str = ":2,F";

/// A maildir as a source.
#[derive(Clone, Debug)]
pub(in crate::source) struct Folder {
    source: Source,
    maildir: Maildir,
}

/// What a look has found and not told yet.
#[derive(Debug, Default)]
pub(in crate::source) struct Plan {
    /// Names in `new`, oldest first.
    todo: VecDeque<String>,
    /// Names of each portion that was given and is not durable yet.
    given: VecDeque<Vec<String>>,
    /// What could not be understood: how many, and the first of them.
    odd: usize,
    first_odd: String,
    tips: std::collections::BTreeMap<String, String>,
}

/// What was read of some files.
#[derive(Default)]
struct Read {
    changes: Vec<NewChange>,
    good: Vec<String>,
    /// Names, and why.
    odd: Vec<(String, String)>,
}

impl Folder {
    /// A source as configured.
    pub(in crate::source) fn new(source: &Source, maildir: &Maildir) -> Self {
        Self { source: source.clone(), maildir: maildir.clone() }
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(&self.maildir.path).join(name)
    }

    /// Does something with files where that holds up nobody.
    async fn away<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let this = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&this)).await;
        done.unwrap_or_else(|_| {
            Err("the maildir could not be read: the reader broke off".to_owned())
        })
    }

    /// The names in `new`, oldest first: they begin with the time.
    fn list(&self) -> Result<VecDeque<String>, String> {
        let new = self.path("new");
        let failed =
            |error: io::Error| format!("cannot read the maildir {}: {error}", new.display());
        let mut names = Vec::new();
        for entry in fs::read_dir(&new).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if let Ok(name) = name.into_string()
                && !name.starts_with('.')
            {
                names.push(name);
            }
        }
        names.sort();
        names.truncate(MAX_MAILS);
        Ok(names.into())
    }

    fn read(&self, names: Vec<String>) -> Read {
        let mut read = Read::default();
        for name in names {
            match self.changes(&name) {
                Ok(Some(changes)) => {
                    read.changes.extend(changes);
                    read.good.push(name);
                }
                // Somebody else has taken it.
                Ok(None) => {}
                Err(why) => read.odd.push((name, why)),
            }
        }
        read
    }

    /// The changes of a mail; `None`: it is not there any more.
    fn changes(&self, name: &str) -> Result<Option<Vec<NewChange>>, String> {
        let Some(bytes) = read_bounded(&self.path("new").join(name))? else { return Ok(None) };
        let mail = Mail::read(&bytes)?;
        let changes = match self.maildir.dialect {
            MailDialect::Cvs => cvs::changes(&mail)?,
            MailDialect::Svn => svn::changes(&mail)?,
            MailDialect::Generic => generic::changes(&mail)?,
        };
        let dressed = changes.into_iter().enumerate();
        let dressed = dressed.map(|(index, change)| self.dressed(&mail, index, change));
        dressed.collect::<Result<_, _>>().map(Some)
    }

    /// A change with what only the source knows.
    fn dressed(&self, mail: &Mail, index: usize, change: NewChange) -> Result<NewChange, String> {
        let Source { codebase, project, category, .. } = &self.source;
        let given = |own: &str, said: String| if own.is_empty() { said } else { own.to_owned() };
        let change = fit::tidied(NewChange {
            key: change.key.or_else(|| Some(format!("mail {} {index}", mail.key))),
            codebase: codebase.clone().or(change.codebase),
            project: given(project, change.project),
            category: given(category, change.category),
            ..change
        });
        let mistakes = fit::mistakes(&change);
        if mistakes.is_empty() { Ok(change) } else { Err(mistakes.join(", ")) }
    }

    /// Moves mails out of `new`. One that is gone has been moved already.
    fn moved(&self, names: &[String], flag: &str) -> Result<(), String> {
        let (new, cur) = (self.path("new"), self.path("cur"));
        for name in names {
            let plain = name.split_once(":2,").map_or(name.as_str(), |(plain, _)| plain);
            let to = cur.join(format!("{plain}{flag}"));
            match fs::rename(new.join(name), &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound || !cur.is_dir() => {
                    return Err(format!("a mail cannot be moved to {}: {error}", cur.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Look for Folder {
    type Plan = Plan;

    async fn look(&self, cursor: &SourceCursor) -> Result<Option<Plan>, String> {
        let todo = self.away(Self::list).await?;
        let plan = Plan { todo, tips: cursor.tips.clone(), ..Plan::default() };
        Ok((!plan.todo.is_empty()).then_some(plan))
    }

    async fn next(&self, plan: &mut Plan) -> Result<Option<Portion>, String> {
        if plan.todo.is_empty() {
            return match plan.odd {
                0 => Ok(None),
                1 => Err(plan.first_odd.clone()),
                more => Err(format!("{}; and {} more like it", plan.first_odd, more - 1)),
            };
        }
        let names: Vec<String> = plan.todo.drain(..PORTION.min(plan.todo.len())).collect();
        let read = self.away(move |this| Ok(this.read(names))).await?;
        let Read { changes, good, odd } = read;
        plan.given.push_back(good);
        plan.odd += odd.len();
        if let (Some((name, why)), true) = (odd.first(), plan.first_odd.is_empty()) {
            plan.first_odd = format!(
                "the mail {} was not understood: {}; it is in `cur` now, flagged",
                shown(name),
                shown(why)
            );
        }
        let names: Vec<String> = odd.into_iter().map(|(name, _)| name).collect();
        self.away(move |this| this.moved(&names, FLAGGED)).await?;
        Ok(Some(Portion { changes, tips: plan.tips.clone(), commits: Vec::new() }))
    }

    async fn stored(&self, plan: &mut Plan) -> Result<(), String> {
        let names = plan.given.pop_front().unwrap_or_default();
        self.away(move |this| this.moved(&names, SEEN)).await
    }
}

/// A mail's bytes; `None`: it is not there. What is no ordinary file, or no mail by its size, is refused.
fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    let file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err("it is no ordinary file".to_owned());
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_MAIL_BYTES).unwrap_or(u64::MAX);
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_MAIL_BYTES {
        return Err(format!("it is larger than {MAX_MAIL_BYTES} bytes"));
    }
    Ok(Some(bytes))
}
