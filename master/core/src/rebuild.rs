//! A build again (CA-5): the same revision, or the tips of the same branches; the patch and what was asked for stay.

use crate::action::Refusal;
use crate::buildset::{self, NewBuildset};
use crate::cancel::no_such_build;
use crate::change::SourceStamp;
use crate::ctx::Ctx;
use crate::id::{BuildRef, BuilderName};
use crate::input::{AskedFor, Asking};
use crate::model::Build;
use crate::properties::{Origin, Properties};

/// Builds again what a build was, with what it was asked for.
pub(crate) fn rebuild(
    ctx: &mut Ctx<'_>,
    asking: &Asking,
    build: Option<(&Build, AskedFor)>,
    named: &str,
    latest: Option<Vec<SourceStamp>>,
    reason: &str,
) {
    let Some((build, asked)) = build else {
        let refusal = unknown(ctx, named);
        return ctx.refuse(asking, "rebuild", &named, refusal);
    };
    let reference = build.reference();
    if !ctx.config().builders.contains_key(&build.builder) {
        let refusal = Refusal::not_now(format!("the builder {} is not configured", build.builder));
        return ctx.refuse(
            asking,
            "rebuild",
            &reference,
            refusal.because(format!("{reference} was its build")),
        );
    }
    let stamps = match latest {
        Some(latest) => latest.into_iter().map(|stamp| with_patch(stamp, build)).collect(),
        None => build.stamps.iter().map(|stamp| as_built(stamp, build)).collect(),
    };
    let who = if asking.who.is_empty() { String::new() } else { format!(" by '{}'", asking.who) };
    let mut properties = asked_for(&build.properties);
    properties.lay_over(&asked.properties);
    let new = NewBuildset {
        reason: if reason.is_empty() {
            format!("rebuild of {reference}{who}")
        } else {
            format!("rebuild of {reference}{who}: {reason}")
        },
        scheduler: "rebuild".to_owned(),
        stamps,
        properties,
        builders: vec![build.builder.clone()],
        priority: asked.priority,
        rebuild_of: Some(reference),
        ..NewBuildset::default()
    };
    let made = buildset::open(ctx, new);
    ctx.accept(asking, made);
}

/// `BUILDER#NUMBER` that names nothing, or text that is no reference.
fn unknown(ctx: &Ctx<'_>, named: &str) -> Refusal {
    let parts =
        named.rsplit_once('#').and_then(|(name, number)| Some((name, number.parse().ok()?)));
    match parts {
        Some((builder, number)) => {
            no_such_build(ctx, &BuildRef { builder: BuilderName::new(builder), number })
        }
        None if ctx.config().builders.contains_key(named) => {
            Refusal::unknown(format!("{named} has not built yet"))
        }
        None => {
            let config = ctx.config();
            let known = config.builders.keys().map(BuilderName::as_str);
            Refusal::no_such("build", &named, known)
        }
    }
}

/// What was really built, pinned.
fn as_built(stamp: &SourceStamp, build: &Build) -> SourceStamp {
    let got = build.got_revision.get(stamp.codebase.as_str()).cloned();
    SourceStamp { revision: got.or_else(|| stamp.revision.clone()), ..stamp.clone() }
}

/// The tip of the same branch, with the patch that the build had.
fn with_patch(stamp: SourceStamp, build: &Build) -> SourceStamp {
    let before = build.stamps.iter().find(|before| before.codebase == stamp.codebase);
    let patch = stamp.patch.or_else(|| before.and_then(|before| before.patch.clone()));
    SourceStamp { patch, ..stamp }
}

/// The properties that came with the asking or its changes; all others are worked out anew.
fn asked_for(properties: &Properties) -> Properties {
    properties
        .iter()
        .filter(|(_, property)| {
            matches!(
                property.source,
                Origin::Change | Origin::Scheduler | Origin::Force | Origin::Trigger | Origin::Try
            )
        })
        .map(|(name, property)| (name.to_owned(), property.clone()))
        .collect()
}
