//! A master from nothing to answering, and back.
//!
//! The order of starting is the order of need: the folder and its lock, the database, old generations of the configuration
//! that unfinished builds began with, the core, the logs, the doors, the local workers, the sources; and last the socket,
//! which exists as soon as the master answers. Ending goes the other way round, and ends no build: what workers run goes on.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use linn_core::config::Config;
use linn_core::id::{BuildId, ConfigDigest};
use linn_core::state::Tables;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle as Task;
use tokio_util::sync::CancellationToken;

use crate::act::{self, Act};
use crate::api::{self, Channel, Dialler, Doors, Facts, Hub, ListenError, Sessions, View};
use crate::artifacts::Artifacts;
use crate::clock::Clock;
use crate::config::{self, Library, Loaded};
use crate::engine::{self, EngineHandle, Replies};
use crate::here;
use crate::local::LocalWorkers;
use crate::logs::{Growing, LogError, LogStore};
use crate::metrics::{Metrics, Reading};
use crate::reload::{self, Reloader};
use crate::resolving::{self, Resolving};
use crate::retention::{self, Retention};
use crate::secret::Secrets;
use crate::source::{self, Sources};
use crate::store::{Queries, SqliteStore, Store, StoreError};
use crate::web::{self, Web};

/// How long open calls may take to end.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// What a master is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Holds everything: database, logs, the local socket `linn.sock`. Made when absent.
    pub dir: PathBuf,
    /// What is to be followed.
    pub config: Loaded,
    /// Where that came from, and is read again at a reload; `None`: the built-in one.
    pub config_file: Option<PathBuf>,
    /// The folder that `checkout` tells of and the number of local workers, if there is such a folder.
    pub checkout: Option<(PathBuf, u32)>,
    /// Also listen here; loopback only, until there is enrolment over TLS.
    pub listen: Option<SocketAddr>,
    /// Take hooks over HTTP here, at any address: they are signed (F13).
    pub listen_http: Option<SocketAddr>,
}

/// Why a master does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state folder cannot be made or used.
    #[error("cannot use the folder {}", dir.display())]
    Folder {
        /// Which.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The logs cannot be used.
    #[error("the logs cannot be used")]
    Logs(#[from] LogError),
    /// The logs are of builds that the database has never heard of: it is not theirs, or an old copy of it. New builds
    /// would get the ids of those, and their logs would run into each other.
    #[error(
        "{} has logs of builds up to id {logged}, but the database beside it knows of {}",
        logs.display(),
        if known.0 == 0 { "no build".to_owned() } else { format!("builds up to id {known} only") }
    )]
    OtherHistory {
        /// The folder of the logs.
        logs: PathBuf,
        /// The newest build with a log.
        logged: BuildId,
        /// The newest build of the database; 0: it has none.
        known: BuildId,
    },
    /// A listener cannot be had.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl StartError {
    /// Why, as a sentence; may be empty.
    #[must_use]
    pub fn why(&self) -> String {
        let mut why = String::new();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            why = cause.to_string();
            source = cause.source();
        }
        why
    }

    /// What to do, as a sentence; may be empty.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Folder { .. } => "choose a folder of yours with --dir, or mend its permissions",
            Self::Store(StoreError::Taken { .. }) => {
                "talk to that one, or stop it, or choose another folder with --dir"
            }
            Self::Store(StoreError::Newer { .. }) => {
                "upgrade linn, or choose another folder with --dir"
            }
            Self::Store(StoreError::Corrupt { .. }) => {
                "put the folder's last backup in its place; nothing has been changed"
            }
            Self::Store(StoreError::Full { .. }) => "make room on that disk",
            Self::OtherHistory { .. } => {
                "put the database's newest backup in its place, or move the logs away to do without them"
            }
            Self::Store(StoreError::Other { .. }) | Self::Logs(_) => {
                "mend what stands in the way; nothing has been changed"
            }
            Self::Listen(ListenError::NotLoopback(_)) => {
                "listen on 127.0.0.1 and reach it over ssh -L, or use the local socket"
            }
            Self::Listen(ListenError::TooLong { .. }) => "choose a shorter folder with --dir",
            Self::Listen(ListenError::Port { .. }) => "choose another port, or stop who has it",
            Self::Listen(ListenError::Socket { .. }) => "mend the folder's permissions",
        }
    }

    /// The exit code of cli.md: 2 a mistake in the arguments, 3 not possible now.
    #[must_use]
    pub const fn exit_code(&self) -> i32 {
        match self {
            Self::Listen(ListenError::NotLoopback(_) | ListenError::TooLong { .. }) => 2,
            Self::Folder { .. }
            | Self::Store(_)
            | Self::Logs(_)
            | Self::OtherHistory { .. }
            | Self::Listen(_) => 3,
        }
    }
}

/// Why a master has ended or should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Somebody asked for it.
    Asked,
    /// It cannot go on: why.
    Broken(String),
}

/// A tokio runtime of the right size for a master: two threads, small stacks.
///
/// # Errors
/// When the system refuses threads or descriptors.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Readers of history and logs: a few at a time are all that a disk can use.
        .max_blocking_threads(16)
        .thread_keep_alive(Duration::from_secs(5))
        .enable_all()
        .build()
}

/// Starts masters.
#[derive(Clone, Copy, Debug)]
pub struct Master;

impl Master {
    /// Starts a master inside the present tokio runtime. It answers when this returns.
    ///
    /// # Errors
    /// [`StartError`]; nothing of it runs then.
    pub async fn start(options: Options) -> Result<Running, StartError> {
        Self::start_with(options, None).await
    }

    /// The same, whose local workers start their commands with another program than this one.
    ///
    /// # Errors
    /// As [`Master::start`].
    #[doc(hidden)]
    pub async fn start_with(
        options: Options,
        supervisor: Option<&Path>,
    ) -> Result<Running, StartError> {
        if let Some(address) = options.listen {
            api::check(address)?;
        }
        let dir = make_folder(&options.dir)?;
        let mut store = SqliteStore::open(&dir)?;
        let (epoch, queries, seq) = (store.epoch(), store.queries(), store.seq());
        let tables = store.load()?;
        store.keep_config(&options.config.digest, &options.config.sources)?;
        let library = Arc::new(Library::new());
        library.insert(options.config.generation.clone());
        let hooks = library.clone();
        let configs = generations(&options.config, &tables, &queries, &library)?;
        let config = options.config.config.clone();
        let logs = LogStore::open(&dir.join("logs"))?;
        let artifacts = Artifacts::open(&dir.join("artifacts"))
            .map_err(|source| StartError::Folder { dir: dir.join("artifacts"), source })?;
        let known = BuildId(tables.last.build);
        if let Some(logged) = logs.newest_build().filter(|logged| *logged > known) {
            return Err(StartError::OtherHistory { logs: dir.join("logs"), logged, known });
        }
        logs.recover(growing(&tables));

        let clock = Clock::not_before(newest(&tables));
        let hub = Arc::new(Hub::new(epoch.to_vec(), seq.0, linn_core::state::TAIL_BUILDS));
        let sessions = Arc::new(Sessions::default());
        let metrics = Arc::new(Metrics::default());
        let (here, orders) = here::Orders::new();
        let due = Arc::new(Notify::new());
        let (resolving, to_resolve) = resolving::Orders::new();
        // Steps of the master find what lies beside its configuration.
        let beside = options.config_file.as_deref().and_then(Path::parent);
        let beside_file = beside.map(Path::to_owned);
        let beside = beside.filter(|folder| folder.is_dir()).unwrap_or(&dir).to_owned();
        let parts = engine::Parts {
            open: opener(&dir),
            store: Box::new(store),
            configs,
            hooks: library.clone(),
            folder: dir.clone(),
            clock: clock.clone(),
            hub: hub.clone(),
            view: View::new(Facts {
                folder: dir.display().to_string(),
                config_file: options
                    .config_file
                    .as_ref()
                    .map(|file| file.display().to_string())
                    .unwrap_or_default(),
                started_at: clock.now(),
            }),
            act: Act {
                sessions: sessions.clone(),
                here,
                retention: due.clone(),
                resolving,
                replies: Arc::new(Replies::default()),
                logs: Some(logs.clone()),
                artifacts: Some(artifacts.clone()),
            },
            metrics: metrics.clone(),
        };
        let engine = engine::start(parts, tables, seq.0)?;
        let secrets = Secrets::of(&dir);
        let here = here::Here {
            secrets: secrets.clone(),
            engine: engine.handle.clone(),
            logs: logs.clone(),
            folder: beside,
            mark: epoch.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let here = tokio::spawn(here.run(orders));
        let resolving = Resolving { engine: engine.handle.clone(), dir: dir.clone() };
        // It ends with the engine, from which its orders come.
        tokio::spawn(resolving.run(to_resolve));
        let sources = source::start(&config, &dir, &secrets, &engine.handle);

        let retention = Arc::new(Retention::new(retention::Parts {
            engine: engine.handle.clone(),
            queries: queries.clone(),
            logs: logs.clone(),
            artifacts: artifacts.clone(),
        }));
        let (connect, connections) = mpsc::channel(api::WAITING_CONNECTIONS);
        let dialler = Dialler::new(connect.clone());
        let local = Arc::new(LocalWorkers::new(&dir, supervisor, dialler.clone()));
        let reloader = Arc::new(Reloader::new(reload::Parts {
            file: options.config_file.clone(),
            checkout: options.checkout.clone(),
            engine: engine.handle.clone(),
            library,
            sources: sources.clone(),
            local: local.clone(),
            secrets: secrets.clone(),
            dir: dir.clone(),
            has_web: options.listen_http.is_some(),
        }));

        let doors = Arc::new(Doors {
            engine: engine.handle.clone(),
            hub,
            sessions,
            logs,
            artifacts,
            beside: beside_file,
            queries,
            sources: sources.clone(),
            hooks,
            retention: retention.clone(),
            reloader: reloader.clone(),
            secrets: secrets.clone(),
            dir: dir.clone(),
            user: api::owner(),
            ending: CancellationToken::new(),
            asked_to_end: CancellationToken::new(),
        });
        let (ending, asked) = (doors.ending.clone(), doors.asked_to_end.clone());
        tokio::spawn(retention.serve(due, ending.clone()));
        let web = Web {
            engine: engine.handle.clone(),
            sources: sources.clone(),
            secrets: secrets.clone(),
            dir: dir.clone(),
        };
        let server = tokio::spawn(api::serve(doors, connections));
        let mut running = Running {
            engine: engine.handle,
            engine_ended: engine.ended,
            thread: Mutex::new(Some(engine.thread)),
            here: Mutex::new(Some(here)),
            dialler,
            ending,
            asked,
            server: Mutex::new(Some(server)),
            accepting: Mutex::new(None),
            hooks: Mutex::new(None),
            sources,
            local,
            reloader,
            metrics,
            socket: PathBuf::new(),
            address: None,
            hooks_address: None,
            notes: reload::missing(&config, &secrets, options.listen_http.is_some()),
        };
        let bound = match running.take_hooks(options.listen_http, web).await {
            Ok(()) => api::bind(&dir, options.listen).await,
            Err(error) => Err(error),
        };
        match bound {
            Ok(bound) => {
                running.socket.clone_from(&bound.socket);
                running.address = bound.address;
                running.local.follow(&config);
                let accepting = bound.accept(&connect, &running.ending);
                running.accepting = Mutex::new(Some(accepting));
                Ok(running)
            }
            Err(error) => {
                running.stop().await;
                Err(error.into())
            }
        }
    }
}

/// A master that runs. Dropping it without [`Running::stop`] leaves it running until the runtime ends.
pub struct Running {
    engine: EngineHandle,
    engine_ended: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
    here: Mutex<Option<Task<()>>>,
    dialler: Dialler,
    ending: CancellationToken,
    asked: CancellationToken,
    server: Mutex<Option<Task<()>>>,
    accepting: Mutex<Option<Task<()>>>,
    hooks: Mutex<Option<Task<()>>>,
    sources: Sources,
    local: Arc<LocalWorkers>,
    reloader: Arc<Reloader>,
    metrics: Arc<Metrics>,
    socket: PathBuf,
    address: Option<SocketAddr>,
    hooks_address: Option<SocketAddr>,
    notes: Vec<String>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Running {
    /// The local socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The TCP address it listens on, with its real port.
    #[must_use]
    pub const fn listening(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The address at which it takes hooks over HTTP, with its real port.
    #[must_use]
    pub const fn takes_hooks(&self) -> Option<SocketAddr> {
        self.hooks_address
    }

    /// Follows other configurations.
    pub(crate) fn reloader(&self) -> Arc<Reloader> {
        self.reloader.clone()
    }

    /// What is not as the configuration wants it, though no mistake of its text (F41): one sentence each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    async fn take_hooks(
        &mut self,
        address: Option<SocketAddr>,
        web: Web,
    ) -> Result<(), ListenError> {
        let Some(address) = address else { return Ok(()) };
        let listener = web::bind(address).await?;
        self.hooks_address = listener.local_addr().ok();
        let task = web::serve(listener, Arc::new(web), self.ending.clone());
        self.hooks = Mutex::new(Some(task));
        Ok(())
    }

    /// A channel from within this process.
    #[must_use]
    pub fn dial(&self) -> Channel {
        self.dialler.channel()
    }

    /// What the engine has done so far.
    #[must_use]
    pub fn metrics(&self) -> Reading {
        self.metrics.read()
    }

    /// Until somebody asks it to end, or it cannot go on. [`Running::stop`] is still to be called.
    pub async fn wait(&self) -> Ended {
        tokio::select! {
            () = self.asked.cancelled() => Ended::Asked,
            () = self.engine_ended.cancelled() => {
                Ended::Broken("the engine has ended; its last words are in the log".to_owned())
            }
        }
    }

    /// Hands over cleanly: takes nothing new in, ends streams, makes everything durable, lets go of the folder. What
    /// workers run goes on.
    pub async fn stop(self) {
        self.sources.stop().await;
        self.local.stop().await;
        self.ending.cancel();
        for task in [&self.accepting, &self.hooks, &self.server] {
            let task = task.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(mut task) = task
                && tokio::time::timeout(END_PATIENCE, &mut task).await.is_err()
            {
                task.abort();
            }
        }
        self.engine.stop().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the engine's has been printed already.
            drop(tokio::task::spawn_blocking(move || thread.join()).await);
        }
        // Its orders came from that thread, so it ends what runs here and then itself.
        let here = self.here.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(here) = here {
            drop(here.await);
        }
    }
}

fn make_folder(dir: &Path) -> Result<PathBuf, StartError> {
    let failed = |source| StartError::Folder { dir: dir.to_owned(), source };
    let private =
        |folder: &Path| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    private(dir).map_err(failed)?;
    // The folder itself may be somebody's who lets others in. Environments, properties and logs are nobody else's.
    for name in ["logs", "mirrors", "secrets", "artifacts"] {
        let folder = dir.join(name);
        private(&folder).map_err(failed)?;
        close(&folder, 0o700);
    }
    let database = dir.join("linn.db");
    let open = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&database);
    // Why it cannot be opened, the store says better.
    drop(open);
    close(&database, 0o600);
    // Tasks must find it whatever becomes of the process's own folder.
    dir.canonicalize().map_err(failed)
}

/// Closes what an earlier version, or somebody's hand, left open to others. What is not ours stays as it is.
fn close(path: &Path, mode: u32) {
    drop(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)));
}

fn opener(dir: &Path) -> engine::Opener {
    let dir = dir.to_owned();
    Box::new(move || Ok(Box::new(SqliteStore::open(&dir)?) as Box<dyn Store>))
}

/// The logs that may still grow.
fn growing(tables: &Tables) -> Growing {
    let unfinished = tables.builds.iter().filter(|build| build.complete_at.is_none());
    Growing {
        newest: BuildId(tables.last.build),
        unfinished: unfinished.map(|build| build.id).collect(),
        awaited: tables.builds.iter().flat_map(|build| act::awaited(build, None)).collect(),
    }
}

/// The newest moment that is recorded: time goes on from there.
fn newest(tables: &Tables) -> linn_core::time::Timestamp {
    let builds = tables.builds.iter();
    let builds = builds.map(|build| build.complete_at.unwrap_or(build.started_at));
    let changes = tables.changes.iter().map(|change| change.received_at);
    let buildsets = tables.buildsets.iter().map(|buildset| buildset.submitted_at);
    let workers =
        tables.workers.iter().filter_map(|worker| worker.connected_at.max(worker.lost_at));
    builds.chain(changes).chain(buildsets).chain(workers).max().unwrap_or_default()
}

/// The generations that unfinished builds began with, evaluated anew from their kept texts, then the current one (D9).
fn generations(
    current: &Loaded,
    tables: &Tables,
    queries: &Queries,
    library: &Library,
) -> Result<Vec<Arc<Config>>, StartError> {
    let unfinished = tables.builds.iter().filter(|build| build.complete_at.is_none());
    let mut digests: Vec<&ConfigDigest> = unfinished.map(|build| &build.config).collect();
    digests.sort();
    digests.dedup();
    let mut configs = Vec::new();
    for digest in digests.into_iter().filter(|digest| **digest != current.digest) {
        // Without its recipe a build cannot go on: the core ends it, and it is tried again.
        let Some(kept) = queries.kept_config(digest)? else {
            tracing::error!("the configuration {digest} of an unfinished build is not kept");
            continue;
        };
        match config::reload_kept(digest, &kept) {
            Ok(loaded) => {
                library.insert(loaded.generation.clone());
                configs.push(loaded.config);
            }
            Err(problems) => {
                tracing::error!("the configuration {digest} of an unfinished build: {problems}");
            }
        }
    }
    configs.push(current.config.clone());
    Ok(configs)
}
