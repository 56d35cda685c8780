//! Names a thing that a console shows; what the hub's map is ordered by.

use linn_core::id::{BuildRef, BuilderName, SchedulerName, SourceName, WorkerName};
use linn_core::record::Subject;
use linn_proto::entity::{EntityId, Kind};

/// Which thing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Key {
    /// A change, by id.
    Change(u64),
    /// A buildset, by id.
    Buildset(u64),
    /// A request, by id.
    Request(u64),
    /// A build, by builder and number.
    Build(BuilderName, u32),
    /// A builder.
    Builder(BuilderName),
    /// A worker.
    Worker(WorkerName),
    /// A scheduler.
    Scheduler(SchedulerName),
    /// A change source.
    Source(SourceName),
    /// The master itself.
    Master,
}

impl Key {
    /// The key of a build.
    pub(crate) fn of_build(build: &BuildRef) -> Self {
        Self::Build(build.builder.clone(), build.number)
    }

    /// The id on the wire.
    pub(crate) fn entity_id(&self) -> EntityId {
        let (kind, id) = match self {
            Self::Change(id) => (Kind::Change, id.to_string()),
            Self::Buildset(id) => (Kind::Buildset, id.to_string()),
            Self::Request(id) => (Kind::Request, id.to_string()),
            Self::Build(builder, number) => (Kind::Build, format!("{builder}#{number}")),
            Self::Builder(name) => (Kind::Builder, name.to_string()),
            Self::Worker(name) => (Kind::Worker, name.to_string()),
            Self::Scheduler(name) => (Kind::Scheduler, name.to_string()),
            Self::Source(name) => (Kind::Source, name.to_string()),
            Self::Master => (Kind::Master, "master".to_owned()),
        };
        EntityId { kind: kind.into(), id }
    }
}

impl From<&Subject> for Key {
    /// A step is shown in its build.
    fn from(subject: &Subject) -> Self {
        match subject {
            Subject::Change(id) => Self::Change(id.0),
            Subject::Buildset(id) => Self::Buildset(id.0),
            Subject::Request(id) => Self::Request(id.0),
            Subject::Build(build) | Subject::Step(build, _) => Self::of_build(build),
            Subject::Builder(name) => Self::Builder(name.clone()),
            Subject::Worker(name) => Self::Worker(name.clone()),
            Subject::Scheduler(name) => Self::Scheduler(name.clone()),
            Subject::Source(name) => Self::Source(name.clone()),
            Subject::Master => Self::Master,
        }
    }
}
