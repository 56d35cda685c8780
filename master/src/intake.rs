//! Turns what people ask for into source stamps with a revision, before the core hears of it (SS-3).
//!
//! A buildset's revision is pinned when it is made, so that all its builds get the same tree. Only an edge can ask a
//! repository, so it is asked here: for a force, a rebuild of the latest, and changes that came without a revision. A
//! repository that says there is no such branch or revision ends the asking (C22); a codebase without a repository takes
//! the text as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use linn_core::action::Refusal;
use linn_core::change::{Commit, NewChange, SourceStamp};
use linn_core::config::{Config, GitOnly, Vcs};
use linn_core::hooks::{Argument, HookError, Hooks};
use linn_core::id::{BuilderName, CodebaseName, SourceName};
use linn_core::input::{Asking, Input};
use linn_core::master::Master;
use linn_core::schedule;
use linn_core::state::SourceCursor;
use linn_core::time::Timestamp;
use linn_core::view::truthy;

use crate::engine::{Answered, EngineHandle, Gone};
use crate::source::{Ended, Intake, ResolveError, Resolved, resolve};

/// How long a repository may take to answer somebody who waits. A fetch that has begun goes on after that.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a repository may take to tell what is behind a change that came from a hook.
const HOOK_PATIENCE: Duration = Duration::from_secs(5);

/// What was learnt of graphs, by repository.
pub(crate) type Learnt = Vec<(String, Vec<Commit>)>;

/// What somebody chose for a codebase; what is left out has its default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Choice {
    /// `None`: the codebase's own.
    pub branch: Option<String>,
    /// `None`: the tip.
    pub revision: Option<String>,
    /// `None`: the codebase's own.
    pub repository: Option<String>,
    /// `None`: the codebase's own.
    pub project: Option<String>,
}

/// What was chosen in a force: for the only codebase (C43), and by name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Chosen {
    /// Branch and revision of the builder's only codebase.
    pub only: Choice,
    /// By codebase.
    pub named: Vec<(CodebaseName, Choice)>,
}

/// One stamp for each codebase of the builders, not pinned yet.
///
/// # Errors
/// A mistake: a codebase that none of the builders has, or a branch without saying of which codebase.
pub(crate) fn stamps_of(
    config: &Config,
    builders: &[BuilderName],
    chosen: Chosen,
) -> Result<Vec<SourceStamp>, Refusal> {
    let mut codebases: Vec<CodebaseName> = Vec::new();
    // A builder that does not exist is for the core to refuse.
    for builder in builders.iter().filter_map(|name| config.builders.get(name)) {
        codebases.extend(config.codebases_of(builder));
    }
    codebases.sort();
    codebases.dedup();
    if codebases.is_empty() {
        return Ok(Vec::new());
    }
    let mut choices: BTreeMap<CodebaseName, Choice> = BTreeMap::new();
    let known = || {
        let names = codebases.iter().map(|name| format!("`{name}`"));
        names.collect::<Vec<_>>().join(", ")
    };
    for (name, choice) in chosen.named {
        if !codebases.contains(&name) {
            return Err(Refusal::mistake(format!("there is no codebase `{name}` to force"))
                .hint(format!("there is {}", known())));
        }
        choices.insert(name, choice);
    }
    if chosen.only.branch.is_some() || chosen.only.revision.is_some() {
        let [only] = codebases.as_slice() else {
            return Err(Refusal::mistake("a branch or revision alone speaks of no codebase here")
                .because(format!("there are several codebases: {}", known()))
                .hint("say --codebase NAME:BRANCH[@REVISION] for each"));
        };
        let choice = choices.entry(only.clone()).or_default();
        choice.branch = chosen.only.branch.or(choice.branch.take());
        choice.revision = chosen.only.revision.or(choice.revision.take());
    }
    let stamp = |name: CodebaseName| {
        let choice = choices.remove(&name).unwrap_or_default();
        let declared = config.codebases.get(&name).cloned().unwrap_or_default();
        let repository =
            choice.repository.unwrap_or_else(|| schedule::repository_of(config, &name));
        SourceStamp {
            codebase: name,
            repository,
            project: choice.project.unwrap_or(declared.project),
            branch: choice.branch.or(declared.branch),
            revision: choice.revision,
            requested: None,
            patch: None,
            changes: Vec::new(),
        }
    };
    Ok(codebases.into_iter().map(stamp).collect())
}

/// Whose a repository is: what a source that looks there says, else the steps that check its codebase out, else git's.
fn vcs_of(config: &Config, codebase: Option<&CodebaseName>, repository: &str) -> Vcs {
    let mut looked_at = config.sources.values().filter_map(|source| source.kind.looks_at());
    let source = looked_at.find(|at| at.repository == repository);
    let said = || codebase.map(|codebase| config.vcs_of(codebase)).unwrap_or_default();
    source.map_or_else(said, |at| at.vcs)
}

/// Pins each stamp that has a repository; tells what was learnt on the way. Mirrors live in `dir`.
///
/// # Errors
/// There is no such branch or revision, or the repository does not answer.
pub(crate) async fn pin(
    dir: &Path,
    config: &Config,
    stamps: &mut [SourceStamp],
) -> Result<Learnt, Refusal> {
    let mut learnt = Vec::new();
    for stamp in stamps.iter_mut().filter(|stamp| !stamp.repository.is_empty()) {
        let resolved = look_up(dir, config, stamp).await?;
        let typed = stamp.revision.replace(resolved.revision);
        // SS-3 better: a tag or a short id says more to people than what it stood for.
        if typed.is_some() && typed != stamp.revision {
            stamp.requested = typed;
        }
        stamp.branch = stamp.branch.take().or(resolved.branch);
        learnt.push((stamp.repository.clone(), resolved.commits));
    }
    Ok(learnt)
}

/// What the repository of a stamp says that the stamp is. Mirrors live in `dir`.
///
/// # Errors
/// There is no such branch or revision, or the repository does not answer.
pub(crate) async fn look_up(
    dir: &Path,
    config: &Config,
    stamp: &SourceStamp,
) -> Result<Resolved, Refusal> {
    let vcs = vcs_of(config, Some(&stamp.codebase), &stamp.repository);
    let (branch, revision) = (stamp.branch.as_deref(), stamp.revision.as_deref());
    let asked = resolve(dir, vcs, &stamp.repository, branch, revision);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(resolved) => resolved.map_err(|error| refusal(&error)),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            Err(Refusal::not_now("the repository does not answer")
                .because(format!("it was waited for {seconds} seconds"))
                .hint("a fetch that has begun goes on; ask again in some minutes"))
        }
    }
}

/// Changes that somebody hands in.
pub(crate) struct Submission {
    /// Who, for the audit.
    pub who: String,
    /// The same again within a day is answered again and does nothing; empty: the keys of the changes decide alone.
    pub request_id: String,
    /// What, oldest first, validated.
    pub changes: Vec<NewChange>,
}

/// Has the core take changes, with what their repositories can add. It is answered after the commit.
///
/// # Errors
/// When the engine is ending, or could not write: then nothing was done.
pub(crate) async fn submit(
    engine: &EngineHandle,
    dir: &Path,
    submission: Submission,
) -> Result<Answered, Gone> {
    let Submission { who, request_id, mut changes } = submission;
    let revisions: Vec<_> = changes
        .iter()
        .filter_map(|change| Some((change.repository.clone(), change.revision.clone()?)))
        .collect();
    let look = move |master: &Master| {
        let config = master.config().clone();
        let known = |(repository, revision): &(String, String)| {
            master.state().knows_commit(repository, revision)
        };
        (config, revisions.into_iter().filter(known).collect::<BTreeSet<_>>())
    };
    let (config, known) = engine.ask(look).await?;
    let knows = |repository: &str, revision: &str| {
        known.contains(&(repository.to_owned(), revision.to_owned()))
    };
    let commits = complete(dir, &config, &mut changes, knows).await;
    let asked = |token| Input::ChangesSubmitted {
        asking: Asking { token, request_id, who },
        changes,
        commits,
    };
    engine.request(asked).await
}

/// Fills in the revision of changes that came without one, and learns what is behind them where they do not say. Nobody
/// is turned away here: what a repository does not know, or who does not answer, leaves a change as it came.
async fn complete(
    dir: &Path,
    config: &Config,
    changes: &mut [NewChange],
    knows: impl Fn(&str, &str) -> bool,
) -> Learnt {
    let mut learnt: Learnt = Vec::new();
    // From the newest back: what is learnt behind it covers the older ones.
    for change in changes.iter_mut().rev() {
        let Some(repository) = repository_of(config, change) else { continue };
        let known = change.revision.as_deref().is_some_and(|revision| {
            let told = |(of, commits): &(String, Vec<Commit>)| {
                *of == repository && commits.iter().any(|commit| commit.revision == revision)
            };
            !change.parents.is_empty() || knows(&repository, revision) || learnt.iter().any(told)
        });
        if known {
            continue;
        }
        let vcs = Vcs::of_word(&change.vcs)
            .unwrap_or_else(|| vcs_of(config, change.codebase.as_ref(), &repository));
        let (branch, revision) = (change.branch.as_deref(), change.revision.as_deref());
        let asked = resolve(dir, vcs, &repository, branch, revision);
        match tokio::time::timeout(HOOK_PATIENCE, asked).await {
            Ok(Ok(resolved)) => {
                change.revision = Some(resolved.revision);
                learnt.push((repository, resolved.commits));
            }
            Ok(Err(error)) => tracing::info!("a change stays as it came: {error}"),
            Err(_) => {
                tracing::info!("changes stay as they came: a repository does not answer in time");
                break;
            }
        }
    }
    learnt
}

/// The repository of a change's codebase, where that is one the configuration declares.
fn repository_of(config: &Config, change: &NewChange) -> Option<String> {
    let unnamed = CodebaseName::new("");
    let declared = match &change.codebase {
        Some(name) => config.codebases.get(name),
        None => config
            .codebases
            .values()
            .find(|codebase| codebase.repository == change.repository)
            .or_else(|| config.codebases.get(&unnamed).filter(|_| change.repository.is_empty())),
    }?;
    let own = if change.repository.is_empty() { &declared.repository } else { &change.repository };
    // A repository that only the sender names is not one that this master should run after.
    (!own.is_empty() && *own == declared.repository).then(|| own.clone())
}

/// How change sources reach the engine.
impl Intake for EngineHandle {
    async fn settle(&self, input: Input) -> Result<(), Ended> {
        Self::settle(self, input).await.map_err(ended)
    }

    async fn cursor(&self, source: &SourceName) -> Result<SourceCursor, Ended> {
        let source = source.clone();
        let look =
            move |master: &Master| master.state().source(&source).cloned().unwrap_or_default();
        self.ask(look).await.map_err(ended)
    }

    async fn picks(
        &self,
        source: &SourceName,
        refs: Vec<String>,
    ) -> Result<Result<Vec<bool>, String>, Ended> {
        let source = source.clone();
        let look = move |master: &Master, hooks: &dyn Hooks| {
            let git = master.config().sources.get(&source).and_then(|source| source.kind.git());
            let Some(GitOnly::Picked(hook)) = git.and_then(|git| git.only.as_ref()) else {
                return Err("the configuration has changed".to_owned());
            };
            let one = |name: &String| {
                let picked = hooks.call(hook, &[Argument::Plain(name.as_str().into())]);
                let failed = |error: HookError| {
                    format!("{} failed for {}: {error}", hook.label, name.escape_debug())
                };
                picked.map(|value| truthy(&value)).map_err(failed)
            };
            refs.iter().map(one).collect()
        };
        self.consult(look).await.map_err(ended)
    }

    fn turn_away(&self, asking: &Asking, why: String) {
        Self::turn_away(self, asking.token, why);
    }

    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

fn ended(gone: Gone) -> Ended {
    match gone {
        Gone::Ending => Ended::Ending,
        Gone::NotWritten(why) => Ended::NotWritten(why),
    }
}

fn refusal(error: &ResolveError) -> Refusal {
    match error {
        ResolveError::UnknownBranch { .. } | ResolveError::UnknownRevision { .. } => {
            Refusal::unknown(error.to_string())
        }
        ResolveError::Empty { .. } => {
            Refusal::not_now(error.to_string()).hint("commit something first")
        }
        ResolveError::Unanswered(_) => Refusal::not_now(error.to_string()),
        ResolveError::Unreachable(cause) => {
            let mut why = String::new();
            let mut source = std::error::Error::source(cause);
            while let Some(cause) = source {
                why = cause.to_string();
                source = cause.source();
            }
            Refusal::not_now(error.to_string()).because(why)
        }
    }
}

#[cfg(test)]
mod tests {
    use linn_core::action::RefusalKind;
    use linn_core::config::{Builder, Codebase};
    use linn_core::id::ConfigDigest;

    use super::*;

    fn config(codebases: &[(&str, &str)]) -> Config {
        let mut config = Config::empty(ConfigDigest::new("d"));
        for (name, repository) in codebases {
            let repository = (*repository).to_owned();
            let codebase = Codebase { repository, ..Codebase::default() };
            config.codebases.insert(CodebaseName::new(*name), codebase);
        }
        let builder = Builder {
            name: "linux".into(),
            description: String::new(),
            tags: Vec::new(),
            project: String::new(),
            workers: Vec::new(),
            factory: Vec::new(),
            workdir: linn_core::config::TemplateValue::empty(),
            folder: None,
            env: Vec::new(),
            properties: BTreeMap::new(),
            defaults: BTreeMap::new(),
            locks: linn_core::config::Locks::default(),
            policy: linn_core::config::BuilderPolicy::default(),
        };
        config.builders.insert(builder.name.clone(), builder);
        config
    }

    fn only(branch: &str) -> Chosen {
        let only = Choice { branch: Some(branch.to_owned()), ..Choice::default() };
        Chosen { only, named: Vec::new() }
    }

    /// C43.
    #[test]
    fn a_branch_speaks_of_the_only_codebase() {
        let one = config(&[("app", "/r")]);
        let stamps = stamps_of(&one, &["linux".into()], only("main")).unwrap();
        assert_eq!(stamps.len(), 1);
        assert_eq!(
            (stamps[0].branch.as_deref(), stamps[0].repository.as_str()),
            (Some("main"), "/r")
        );

        let two = config(&[("app", "/r"), ("lib", "/l")]);
        let refused = stamps_of(&two, &["linux".into()], only("main")).unwrap_err();
        assert_eq!(refused.kind, RefusalKind::Mistake);
        assert!(refused.why.contains("`app`, `lib`"), "{refused:?}");
        let named = vec![(CodebaseName::new("lbi"), Choice::default())];
        let chosen = Chosen { named, ..Chosen::default() };
        assert!(stamps_of(&two, &["linux".into()], chosen).is_err());
    }

    #[tokio::test]
    async fn without_a_repository_the_text_is_taken_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let none = config(&[]);
        let mut stamps = stamps_of(&none, &["linux".into()], only("no-such")).unwrap();
        assert_eq!(pin(dir.path(), &none, &mut stamps).await, Ok(Vec::new()));
        assert_eq!(stamps[0].branch.as_deref(), Some("no-such"));
    }

    #[test]
    fn only_declared_repositories_are_asked_for_a_hook() {
        let config = config(&[("app", "/r")]);
        let change = |codebase: Option<&str>, repository: &str| NewChange {
            codebase: codebase.map(CodebaseName::new),
            repository: repository.to_owned(),
            ..NewChange::default()
        };
        assert_eq!(repository_of(&config, &change(Some("app"), "")).as_deref(), Some("/r"));
        assert_eq!(repository_of(&config, &change(None, "/r")).as_deref(), Some("/r"));
        assert_eq!(repository_of(&config, &change(Some("app"), "/elsewhere")), None);
        assert_eq!(repository_of(&config, &change(None, "")), None);
    }
}
