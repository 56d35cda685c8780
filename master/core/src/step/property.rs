//! Properties that steps set or find (PP-4, C9), within bounds: a command may print what it likes.

use serde_json::Value;

use crate::ctx::Ctx;
use crate::id::{BuildId, BuildRef};
use crate::model::{Notice, NoticeKind};
use crate::properties::{Origin, unfit};
use crate::record::Record;
use crate::state::GOT_REVISION;

/// A command found a property. `got_revision` comes as a map codebase → revision and adds to what is known (C9).
pub(crate) fn found(ctx: &mut Ctx<'_>, id: BuildId, name: String, value: Value) {
    let value = match (name.as_str(), value) {
        (GOT_REVISION, Value::Object(found)) => {
            let Some(build) = ctx.state().build(id) else { return };
            let known = build.got_revision.iter();
            let mut all: serde_json::Map<_, _> =
                known.map(|(codebase, at)| (codebase.clone(), at.as_str().into())).collect();
            all.extend(found.into_iter().filter(|(_, at)| at.is_string()));
            Value::Object(all)
        }
        // A checkout that tells its revision alone speaks of the only codebase.
        (GOT_REVISION, Value::String(found)) => {
            let Some(build) = ctx.state().build(id) else { return };
            // Of several it says nothing: a recipe that has them names them (SS-7).
            let [stamp] = build.stamps.as_slice() else { return };
            serde_json::json!({ stamp.codebase.as_str(): found })
        }
        (_, value) => value,
    };
    let revision = name == GOT_REVISION;
    set_property(ctx, id, name, value);
    if revision {
        crate::build::blame_again(ctx, id);
    }
}

/// Sets a property of a running build, unless it has that value already. One for which there is no room is not kept; the
/// first of a build is told (PP-4).
pub(super) fn set_property(ctx: &mut Ctx<'_>, id: BuildId, name: String, value: Value) {
    let Some(build) = ctx.state().build(id) else { return };
    let known = build.properties.property(&name);
    if known.is_some_and(|it| it.value == value && it.source == Origin::Step) {
        return;
    }
    let unfit = unfit(&value).or_else(|| build.properties.crowded(&name, &value));
    let build = build.reference();
    match unfit {
        None => {
            ctx.record(Record::PropertySet { id, build, name, value, source: Origin::Step });
        }
        Some(why) if ctx.live.unkept.insert(id) => ctx.tell(not_kept(build, &name, &why)),
        Some(_) => {}
    }
}

/// PP-4: the build goes on without it, and people see why.
fn not_kept(build: BuildRef, name: &str, why: &str) -> Notice {
    Notice {
        kind: NoticeKind::Master,
        subject: build.to_string(),
        text: format!("the property `{name}` of {build} {why} and was not kept"),
        key: format!("property:{build}"),
        people: Vec::new(),
        build: Some(build),
        step: String::new(),
    }
}
