//! The things a master remembers, as plain data: buildsets, requests, builds, steps, workers, notices.
//!
//! These are rows: the store keeps them, the state holds those that are not yet done with, and nothing here decides.

mod artifact;
mod build;
mod buildset;
mod command;
mod files;
mod heading;
mod here;
mod lock;
mod notice;
mod request;
mod retention;
mod said;
pub(crate) mod secret;
mod step;
mod worker;

pub use artifact::{Artifact, DownloadCommand, MAX_FILES, UploadCommand};
pub use build::{Blame, Build, BuildState, NOT_RUN, SinceGood, Stop};
pub use buildset::{Buildset, Parent};
pub use command::{
    CheckoutCommand, CommandSpec, CommandWhat, EnvEntry, Exit, FinalLog, Finished, ShellCommand,
    Timeouts,
};
pub use files::FilesCommand;
pub use here::{HereCommand, HttpCommand};
pub use lock::{LockHolder, LockKey, LockShare};
pub use notice::{Notice, NoticeKind};
pub use request::{BuildRequest, Child, Wait, WaitKind};
pub use retention::{
    Cleared, Deletion, GoneBuild, GoneStatistics, Keeping, Pin, Totals, build_ref,
};
pub use said::{Look, Said, Suppression, Test, TestReport, TestResult, TestResults};
pub use step::{Log, Step, StepState, Url};
pub use worker::{Hold, Quarantine, Worker, WorkerInfo};
