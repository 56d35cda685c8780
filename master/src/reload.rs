//! Following another configuration while everything runs (RC-1 to RC-6, architecture.md 8).
//!
//! ```text
//! read and evaluate aside → plan → keep the texts, switch at one sequence number → sources and local workers follow
//! ```
//!
//! What must hold: a configuration is followed whole or not at all. Whatever fails before the switch leaves the old one in
//! force; after it nothing can fail. A master that dies in between finds either the old one in force or the new one, and
//! what comes after the switch is made again at its start. Builds that run keep recipe and functions (D9). One reload goes
//! after the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use linn_core::config::{Config, SourceKind};
use linn_core::id::ConfigDigest;
use linn_core::input::Input;
use linn_core::plan::{self, Difference, Work};
use tokio::sync::Mutex;

use crate::config::{self, Facts, Library, Loaded, Origin, Problems};
use crate::engine::{EngineHandle, Gone};
use crate::local::LocalWorkers;
use crate::secret::Secrets;
use crate::source::Sources;

/// How many may wait for their turn; more are turned away.
const MOST_WAITING: usize = 16;

/// The edges that follow, and where the configuration comes from.
pub(crate) struct Parts {
    /// Read again; `None`: the built-in configuration.
    pub file: Option<PathBuf>,
    /// What `checkout` tells of, and the number of local workers.
    pub checkout: Option<(PathBuf, u32)>,
    /// Who decides.
    pub engine: EngineHandle,
    /// The functions of all generations in use.
    pub library: Arc<Library>,
    /// Where changes come from.
    pub sources: Sources,
    /// Workers in this process.
    pub local: Arc<LocalWorkers>,
    /// For sources.
    pub secrets: Secrets,
    /// The state folder.
    pub dir: PathBuf,
    /// There is a door for webhooks.
    pub has_web: bool,
}

/// Makes plans, and follows.
pub(crate) struct Reloader {
    parts: Parts,
    turn: Mutex<()>,
    waiting: AtomicUsize,
}

/// What a reload changed, or would change.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Line by line.
    pub differences: Vec<Difference>,
    /// Remarks that are no mistakes.
    pub notes: Vec<String>,
    /// Of what was looked at.
    pub digest: ConfigDigest,
    /// It is followed now, and was not before.
    pub applied: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    /// The configuration has mistakes.
    #[error("{0}")]
    Bad(Problems),
    /// Too many wait for their turn.
    #[error("{MOST_WAITING} reloads wait for their turn already")]
    Busy,
    /// The engine could not.
    #[error(transparent)]
    Gone(#[from] Gone),
}

impl Reloader {
    pub(crate) fn new(parts: Parts) -> Self {
        Self { parts, turn: Mutex::new(()), waiting: AtomicUsize::new(0) }
    }

    /// The file that is read, for people; empty: the built-in configuration.
    pub(crate) fn file(&self) -> String {
        self.parts.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default()
    }

    /// What following the master's own file would change, or the texts of another one.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) async fn plan(
        &self,
        texts: Option<Vec<(String, String)>>,
    ) -> Result<Outcome, Refused> {
        let _turn = self.turn().await?;
        let loaded = self.evaluate(texts).await.map_err(Refused::Bad)?;
        self.compare(&loaded).await
    }

    /// Reads the master's own file again and follows it. Who asks while another one is under way comes after it, and the file
    /// is read again then.
    ///
    /// # Errors
    /// [`Refused`]; the old one is in force then, and mistakes are told to everybody as a notice.
    pub(crate) async fn reload(&self, who: &str) -> Result<Outcome, Refused> {
        let _turn = self.turn().await?;
        let loaded = match self.evaluate(None).await {
            Ok(loaded) => loaded,
            Err(problems) => {
                let (file, why) = (self.file(), first(&problems));
                tracing::warn!(who, "the configuration is not followed: {why}");
                self.parts.engine.send(Input::ConfigRefused { file, why }).await?;
                return Err(Refused::Bad(problems));
            }
        };
        let mut outcome = self.compare(&loaded).await?;
        if self.followed().await?.digest == loaded.digest {
            return Ok(outcome);
        }
        self.switch(loaded).await?;
        outcome.applied = true;
        tracing::info!(who, digest = %outcome.digest, changes = outcome.differences.len(), "another configuration is followed");
        Ok(outcome)
    }

    /// One at a time.
    async fn turn(&self) -> Result<impl Drop, Refused> {
        let waiting = Waiting::new(&self.waiting)?;
        let turn = self.turn.lock().await;
        drop(waiting);
        Ok(turn)
    }

    async fn followed(&self) -> Result<Arc<Config>, Gone> {
        self.parts.engine.ask(|master| master.config().clone()).await
    }

    /// Off every thread that something waits for.
    async fn evaluate(&self, texts: Option<Vec<(String, String)>>) -> Result<Loaded, Problems> {
        let (file, checkout) = (self.parts.file.clone(), self.parts.checkout.clone());
        let work = move || {
            let facts = checkout.map(|(folder, workers)| Facts::read(&folder, workers));
            match (&texts, &file) {
                (Some(texts), _) => config::load_texts(texts, facts.as_ref()),
                (None, Some(file)) => config::load(Origin::File(file), facts.as_ref()),
                (None, None) => config::load(Origin::BuiltIn, facts.as_ref()),
            }
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(config::broke_down()))
    }

    async fn compare(&self, loaded: &Loaded) -> Result<Outcome, Refused> {
        let look = |master: &linn_core::master::Master| {
            (master.config().clone(), Work::of(master.state()))
        };
        let (old, work) = self.parts.engine.ask(look).await?;
        let new = loaded.config.clone();
        let plan = tokio::task::spawn_blocking(move || plan::plan(&old, &new, &work));
        let mut notes: Vec<String> = loaded.notes.iter().map(ToString::to_string).collect();
        notes.extend(missing(&loaded.config, &self.parts.secrets, self.parts.has_web));
        // A plan that broke off is a mistake of linn's, which the panic has told.
        let differences = plan.await.unwrap_or_default();
        Ok(Outcome { differences, notes, digest: loaded.digest.clone(), applied: false })
    }

    /// The engine first, in one commit; then everybody who acts by the configuration.
    async fn switch(&self, loaded: Loaded) -> Result<(), Gone> {
        let Parts { engine, library, sources, local, secrets, dir, .. } = &self.parts;
        let Loaded { config, generation, sources: texts, .. } = loaded;
        // Callable before the first call.
        library.insert(generation);
        engine.follow(config.clone(), texts).await?;
        let needed = engine.ask(|master| {
            let generations = master.generations();
            generations.iter().map(|config| config.digest.clone()).collect::<Vec<_>>()
        });
        // What builds still need when this is asked is all they will ever need of old ones.
        let needed = needed.await?;
        library.retain(|digest| needed.contains(digest));
        local.follow(&config);
        sources.follow(&config, dir, secrets, engine).await;
        Ok(())
    }
}

/// One who waits for the turn.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Result<Self, Refused> {
        let waiting = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            return Err(Refused::Busy);
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The first mistake with its place, and how many more there are.
fn first(problems: &Problems) -> String {
    let more = problems.0.len().saturating_sub(1);
    let first = problems.0.first().map(ToString::to_string).unwrap_or_default();
    match more {
        0 => first,
        1 => format!("{first} (and 1 more mistake)"),
        more => format!("{first} (and {more} more mistakes)"),
    }
}

/// What people should know before somebody waits for it in vain: secrets without a value, and hooks without a door, which
/// is opened at the start of a master only.
pub(crate) fn missing(config: &Config, secrets: &Secrets, has_web: bool) -> Vec<String> {
    let mut notes = secrets.missing(&config.secrets);
    if !has_web {
        let hooks = config.sources.values();
        let hooks = hooks.filter(|source| matches!(source.kind, SourceKind::Webhook(_)));
        notes.extend(hooks.map(|hook| {
            let name = &hook.name;
            format!(
                "webhook {name} takes nothing, for the master was started without --listen-http"
            )
        }));
    }
    notes
}
