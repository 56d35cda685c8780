//! Takes the expected kind out of an answer. Another kind is the master's mistake, told as such.

use linn_proto::common::Results;
use linn_proto::control::Accepted;
use linn_proto::entity::entity::Of;
use linn_proto::entity::{Build, BuildRequest, Buildset, Entity, Kind};

use super::io::Stop;
use super::session::Session;
use crate::client::ClientError;

macro_rules! unpack {
    ($name:ident, $variant:ident, $type:ty) => {
        /// The entity as this kind.
        pub(crate) fn $name(entity: Entity) -> Result<$type, Stop> {
            match entity.of {
                Some(Of::$variant(one)) => Ok(one),
                _ => Err(unexpected(stringify!($name))),
            }
        }
    };
}

unpack!(build, Build, Build);
unpack!(buildset, Buildset, Buildset);
unpack!(request, Request, BuildRequest);

/// The first entity of `kind` that a command made or changed, whole: out of the answer where that has all of it, else
/// asked for. Builds come without their properties in answers, requests without why they wait, sources without what their
/// task does: those three are for who watches.
pub(crate) async fn made(
    session: &mut Session<'_>,
    accepted: &Accepted,
    kind: Kind,
) -> Result<Entity, Stop> {
    let whole = !matches!(kind, Kind::Build | Kind::Request | Kind::Source);
    let mut told = accepted.entities.iter().filter(|_| whole);
    if let Some(entity) = told.find(|entity| kind_of(entity) == kind) {
        return Ok(entity.clone());
    }
    let id = accepted.made.iter().find(|id| id.kind() == kind);
    let id = id.ok_or_else(|| unexpected("id"))?.id.clone();
    session.get(kind, &id).await
}

/// How an entity ended.
pub(crate) fn results(entity: &Entity) -> Results {
    match &entity.of {
        Some(Of::Build(build)) => build.results(),
        Some(Of::Request(request)) => request.results(),
        Some(Of::Buildset(buildset)) => buildset.results(),
        _ => Results::Unspecified,
    }
}

/// Which kind an entity is.
pub(crate) fn kind_of(entity: &Entity) -> Kind {
    match &entity.of {
        Some(Of::Change(_)) => Kind::Change,
        Some(Of::Buildset(_)) => Kind::Buildset,
        Some(Of::Request(_)) => Kind::Request,
        Some(Of::Build(_)) => Kind::Build,
        Some(Of::Builder(_)) => Kind::Builder,
        Some(Of::Worker(_)) => Kind::Worker,
        Some(Of::Scheduler(_)) => Kind::Scheduler,
        Some(Of::Source(_)) => Kind::Source,
        Some(Of::Lock(_)) => Kind::Lock,
        Some(Of::Master(_)) => Kind::Master,
        None => Kind::Unspecified,
    }
}

fn unexpected(wanted: &str) -> Stop {
    ClientError::internal(format!("the master's answer has no {wanted}"))
        .why("master and client may be of different versions")
        .into()
}
