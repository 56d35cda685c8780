//! Somebody forces builds: the form is checked whole, every mistake in one answer (FO-1 to FO-3, C20, C21, C43, C44).

use std::collections::{BTreeMap, BTreeSet};

use super::form::{self, Asked, Filled};
use super::stamp::default_stamp;
use super::{is_enabled, order};
use crate::action::Refusal;
use crate::buildset::{self, NewBuildset};
use crate::change::SourceStamp;
use crate::config::{Config, ForceScheduler, Scheduler, SchedulerKind};
use crate::ctx::Ctx;
use crate::id::{BuilderName, CodebaseName, SchedulerName};
use crate::input::Asking;
use crate::properties::{Origin, Properties};
use crate::state::State;

/// What somebody asked for, as typed.
pub(crate) struct Force {
    pub(crate) builders: Vec<BuilderName>,
    pub(crate) scheduler: Option<SchedulerName>,
    pub(crate) stamps: Vec<SourceStamp>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) reason: String,
    pub(crate) priority: Option<i32>,
    pub(crate) external_id: String,
}

/// Forces builds, or refuses.
pub(crate) fn force(ctx: &mut Ctx<'_>, asking: &Asking, force: Force) {
    let names: Vec<_> = force.builders.iter().map(BuilderName::as_str).collect();
    let about = names.join(" ");
    let by_hand = force.priority;
    match prepare(ctx, &asking.who, force) {
        Ok(mut new) => {
            let config = ctx.config();
            let scheduler = config.scheduler(&SchedulerName::from(new.scheduler.as_str()));
            if let Some(scheduler) = scheduler.filter(|_| by_hand.is_none()) {
                new.priority = order::priority(ctx, scheduler, &new.builders, Vec::new());
            }
            let made = buildset::open(ctx, new);
            ctx.accept(asking, made);
        }
        Err(refusal) => ctx.refuse(asking, "force", &about, refusal),
    }
}

fn prepare(ctx: &Ctx<'_>, who: &str, force: Force) -> Result<NewBuildset, Refusal> {
    let config = ctx.config();
    let named = force.scheduler.as_ref();
    let (builders, scheduler, form) = find(ctx.state(), &config, named, force.builders)?;
    let asked = Asked {
        config: &config,
        builders: &builders,
        who,
        typed: &force.properties,
        reason: &force.reason,
    };
    let Filled { reason, properties: filled, places, patches, worker } = form::fill(form, &asked)?;
    let mut given = force.stamps;
    for (codebase, place) in places {
        // Where there is one already it was made of the same fields, and pinned (SS-3).
        if !given.iter().any(|stamp| stamp.codebase == codebase) {
            given.push(place.stamp(codebase));
        }
    }
    let mut stamps = stamps(ctx, &config, &builders, given)?;
    for (codebase, patch) in patches {
        if let Some(stamp) = stamps.iter_mut().find(|stamp| stamp.codebase == codebase) {
            stamp.patch = Some(patch);
        }
    }
    let mut properties = Properties::new();
    for (name, value) in &scheduler.properties {
        properties.set(name.clone(), value.clone(), Origin::Scheduler);
    }
    properties.lay_over(&filled);
    properties.set("owner", who, Origin::Force);
    properties.set("scheduler", scheduler.name.as_str(), Origin::Scheduler);
    Ok(NewBuildset {
        reason: sentence(scheduler, who, &reason),
        scheduler: scheduler.name.to_string(),
        stamps,
        properties,
        worker,
        builders,
        priority: force.priority.unwrap_or(scheduler.priority),
        external_id: buildset::external_id(force.external_id)?,
        ..NewBuildset::default()
    })
}

/// The builders, each once, and the form that is to be filled in for them (FO-2, C21).
///
/// # Errors
/// There is no such builder or form, or none that serves them now.
pub(super) fn find<'a>(
    state: &State,
    config: &'a Config,
    named: Option<&SchedulerName>,
    asked: Vec<BuilderName>,
) -> Result<(Vec<BuilderName>, &'a Scheduler, &'a ForceScheduler), Refusal> {
    let form = named.map(|name| form(config, name)).transpose()?;
    let builders = builders(config, forced_builders(config, named, asked))?;
    let scheduler = choose(state, config, form, &builders)?;
    match &scheduler.kind {
        SchedulerKind::Force(form) => Ok((builders, scheduler, form)),
        _ => Err(Refusal::mistake(format!("{} is no force scheduler", scheduler.name))),
    }
}

/// Which builders are meant: a form chosen without builders stands for all of its own (FO-2).
#[must_use]
pub fn forced_builders(
    config: &Config,
    scheduler: Option<&SchedulerName>,
    asked: Vec<BuilderName>,
) -> Vec<BuilderName> {
    match scheduler.and_then(|name| form(config, name).ok()) {
        Some(form) if asked.is_empty() => form.builders.clone(),
        _ => asked,
    }
}

/// FO-2; a scheduler with a reason of its own says that one first.
fn sentence(scheduler: &Scheduler, who: &str, reason: &str) -> String {
    let base = if scheduler.reason.is_empty() {
        format!("A build was forced by '{who}'")
    } else {
        scheduler.reason.clone()
    };
    if reason.is_empty() { base } else { format!("{base}: {reason}") }
}

/// Every builder exists, each once.
pub(super) fn builders(
    config: &Config,
    asked: Vec<BuilderName>,
) -> Result<Vec<BuilderName>, Refusal> {
    if asked.is_empty() {
        return Err(Refusal::mistake("no builder is named").hint("name one or several builders"));
    }
    let mut seen = BTreeSet::new();
    let mut builders = Vec::new();
    for name in asked {
        if !config.builders.contains_key(&name) {
            let known = config.builders.keys().map(BuilderName::as_str);
            return Err(Refusal::no_such("builder", &name, known));
        }
        if seen.insert(name.clone()) {
            builders.push(name);
        }
    }
    Ok(builders)
}

/// The force scheduler of a name (C18).
fn form<'a>(config: &'a Config, name: &SchedulerName) -> Result<&'a Scheduler, Refusal> {
    let Some(scheduler) = config.scheduler(name) else {
        let forms = config.schedulers.iter().filter(is_form);
        return Err(Refusal::no_such("scheduler", name, forms.map(|it| it.name.as_str())));
    };
    if !is_form(&scheduler) {
        let what = format!("the scheduler {name} cannot be forced");
        let why = format!("it is of the kind {}", scheduler.kind.word());
        return Err(Refusal::mistake(what).because(why));
    }
    Ok(scheduler)
}

fn is_form(scheduler: &&Scheduler) -> bool {
    matches!(scheduler.kind, SchedulerKind::Force(_))
}

/// C21: the one named, else the first declared that has all the builders.
fn choose<'a>(
    state: &State,
    config: &'a Config,
    named: Option<&'a Scheduler>,
    builders: &[BuilderName],
) -> Result<&'a Scheduler, Refusal> {
    let lacks = |it: &Scheduler| builders.iter().find(|name| !it.builders.contains(name)).cloned();
    let scheduler = if let Some(scheduler) = named {
        let name = &scheduler.name;
        if let Some(builder) = lacks(scheduler) {
            let what = format!("the scheduler {name} has no builder {builder}");
            let hint = format!("add {builder} to the builders of {name} in master.star");
            return Err(Refusal::not_now(what).hint(hint));
        }
        scheduler
    } else {
        let mut able = config.schedulers.iter().filter(is_form).filter(|it| lacks(it).is_none());
        let Some(scheduler) = able.clone().find(|it| is_enabled(state, it)).or_else(|| able.next())
        else {
            let names: Vec<_> = builders.iter().map(|name| format!("\"{name}\"")).collect();
            let what = format!(
                "no force scheduler has {}",
                builders.iter().map(BuilderName::as_str).collect::<Vec<_>>().join(", ")
            );
            let hint = format!(
                "add force_scheduler(\"force\", builders = [{}]) to master.star",
                names.join(", ")
            );
            return Err(Refusal::not_now(what).hint(hint));
        };
        scheduler
    };
    if is_enabled(state, scheduler) {
        Ok(scheduler)
    } else {
        let what = format!("the scheduler {} is disabled", scheduler.name);
        Err(Refusal::not_now(what).hint(format!("`linn scheduler enable {}`", scheduler.name)))
    }
}

/// The stamps given, completed, and the defaults of every other codebase that the builders check out.
pub(super) fn stamps(
    ctx: &Ctx<'_>,
    config: &Config,
    builders: &[BuilderName],
    given: Vec<SourceStamp>,
) -> Result<Vec<SourceStamp>, Refusal> {
    let wanted: BTreeSet<_> = builders
        .iter()
        .filter_map(|name| config.builders.get(name))
        .flat_map(|builder| config.codebases_of(builder))
        .collect();
    let mut stamps = BTreeMap::new();
    for mut stamp in given {
        let name = stamp.codebase.clone();
        if !wanted.contains(&name) && !config.codebases.contains_key(&name) {
            let known = wanted.iter().chain(config.codebases.keys()).map(CodebaseName::as_str);
            let known: BTreeSet<_> = known.filter(|name| !name.is_empty()).collect();
            return Err(Refusal::no_such("codebase", &name, known.into_iter()));
        }
        let default = default_stamp(ctx.state(), config, &name);
        if stamp.repository.is_empty() {
            stamp.repository = default.repository;
        }
        if stamp.project.is_empty() {
            stamp.project = default.project;
        }
        if stamp.branch.is_none() && stamp.revision.is_none() {
            (stamp.branch, stamp.revision) = (default.branch, default.revision);
        }
        if stamps.insert(name.clone(), stamp).is_some() {
            return Err(Refusal::mistake(format!("the codebase `{name}` is given twice")));
        }
    }
    for codebase in wanted {
        stamps
            .entry(codebase.clone())
            .or_insert_with(|| default_stamp(ctx.state(), config, &codebase));
    }
    Ok(stamps.into_values().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::{Fills, ForceParameter, ParameterKind};
    use crate::testing::{Harness, builder, config, force as any_force, shell, worker};

    fn text(regex: Option<&str>) -> ParameterKind {
        ParameterKind::Text { regex: regex.map(str::to_owned), max_size: 10, multiline: false }
    }

    fn parameter(
        name: &str,
        kind: ParameterKind,
        default: Value,
        required: bool,
    ) -> ForceParameter {
        ForceParameter {
            name: name.to_owned(),
            label: String::new(),
            default,
            required,
            kind,
            fills: Fills::Property,
        }
    }

    fn form(parameters: Vec<ForceParameter>) -> Harness {
        let mut scheduler = any_force("form", &["linux"]);
        scheduler.kind = SchedulerKind::Force(ForceScheduler { parameters: Some(parameters) });
        let builders = vec![builder("linux", &["w1"], vec![shell("make")])];
        Harness::new(config("c1", vec![worker("w1", 1)], builders, vec![scheduler]))
    }

    fn full_form() -> Harness {
        let choices = || vec!["t1".to_owned(), "t2".to_owned()];
        form(vec![
            parameter("reason", text(None), Value::Null, true),
            parameter("version", text(Some("[0-9.]+")), json!("1.0"), false),
            parameter("jobs", ParameterKind::Int, json!(4), false),
            parameter("clean", ParameterKind::Bool, Value::Null, false),
            parameter(
                "profile",
                ParameterKind::Choice { choices: choices(), multiple: false },
                json!("t1"),
                false,
            ),
            parameter(
                "targets",
                ParameterKind::Choice { choices: choices(), multiple: true },
                json!(["t1"]),
                false,
            ),
            parameter("fixed", ParameterKind::Fixed, json!("here"), false),
            parameter("user", ParameterKind::Username { need_email: false }, Value::Null, true),
        ])
    }

    /// C20: all mistakes in one answer.
    #[test]
    fn every_mistake_at_once() {
        let mut site = full_form();
        let said = site.force_with(
            "linux",
            Vec::new(),
            &[
                ("version", "one"),
                ("jobs", "many"),
                ("profile", "t3"),
                ("targets", "t1,t9"),
                ("profil", "t1"),
                ("clean", "maybe"),
            ],
        );
        let line = said.lines().pop().unwrap_or_default();
        for word in [
            "reason: is required",
            "version:",
            "jobs:",
            "profile:",
            "targets:",
            "profil: there is no such parameter; did you mean `profile`?",
            "clean:",
        ] {
            assert!(line.contains(word), "{word} in {line}");
        }
        assert_eq!(site.master.state().last().buildset, 0);
    }

    /// FO-2, FO-3, C21, C44.
    #[test]
    fn a_form_is_filled_by_type() {
        let mut site = full_form();
        site.force_with(
            "linux",
            Vec::new(),
            &[
                ("reason", "try it"),
                ("jobs", " 8 "),
                ("targets", "t1, t2"),
                ("fixed", "there"),
                ("user", "eve"),
            ],
        );
        let state = site.master.state();
        let set = state.buildsets().next().expect("there is a buildset");
        assert_eq!(set.reason, "A build was forced by 'ana': try it");
        for (name, value) in [
            ("reason", json!("try it")),
            ("version", json!("1.0")),
            ("jobs", json!(8)),
            ("clean", json!(false)),
            ("profile", json!("t1")),
            ("targets", json!(["t1", "t2"])),
            ("fixed", json!("here")),
            ("user", json!("ana")),
            ("owner", json!("ana")),
        ] {
            assert_eq!(set.properties.get(name), Some(&value), "{name}");
        }
    }

    /// C21: without a force scheduler the refusal says what to add; an unknown builder is named, and the nearest.
    #[test]
    fn refusals_say_what_to_do() {
        let builders = vec![builder("linux", &["w1"], vec![]), builder("mac", &["w1"], vec![])];
        let schedulers = vec![any_force("force", &["mac"])];
        let mut site = Harness::new(config("c1", vec![worker("w1", 1)], builders, schedulers));
        let said = site.force("linux").lines();
        assert_eq!(
            said.last().map(String::as_str),
            Some(
                "-> refuse 1: no force scheduler has linux | add force_scheduler(\"force\", builders = [\"linux\"]) to master.star"
            )
        );
        let said = site.force("linus").lines();
        assert_eq!(
            said,
            [
                "input_refused linus force by ana: there is no builder `linus`",
                "-> refuse 2: there is no builder `linus` | did you mean `linux`?",
            ]
        );
    }

    /// The same request id again gets the same answer and does nothing twice.
    #[test]
    fn an_asking_is_answered_once() {
        let builders = vec![builder("mac", &["w1"], vec![shell("make")])];
        let schedulers = vec![any_force("force", &["mac"])];
        let mut site = Harness::new(config("c1", vec![worker("w1", 1)], builders, schedulers));
        let ask = |site: &mut Harness| {
            let mut asking = site.asking();
            asking.request_id = "same".to_owned();
            site.say(crate::input::Input::ForceRequested {
                asking,
                builders: vec![BuilderName::from("mac")],
                scheduler: None,
                stamps: Vec::new(),
                commits: Vec::new(),
                properties: BTreeMap::new(),
                reason: String::new(),
                priority: Some(3),
                external_id: String::new(),
            })
        };
        assert_eq!(
            ask(&mut site).lines().last().map(String::as_str),
            Some("-> reply 1: buildset 1, request 1")
        );
        assert_eq!(ask(&mut site).lines(), ["-> reply 2: buildset 1, request 1"]);
        site.restart(Vec::new());
        assert_eq!(ask(&mut site).lines(), ["-> reply 3: buildset 1, request 1"]);
        site.pass(crate::time::Span::minutes(25 * 60));
        assert!(ask(&mut site).records.len() > 1, "after a day it is another asking");
    }
}
