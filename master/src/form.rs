//! What a force form says of codebases, worked out before their revisions are pinned (FO-1, SS-3, C43).
//!
//! A form that asks for a codebase's branch is where that is given: `--branch` fills its field and is checked as the field
//! says, and what the form does not ask cannot be chosen past it.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::action::Refusal;
use linn_core::config::{Config, Fills, ForceParameter, StampPart};
use linn_core::id::{BuilderName, CodebaseName, SchedulerName};
use linn_core::schedule;
use linn_core::state::State;

use crate::intake::{Choice, Chosen};

/// What somebody typed.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    /// Who.
    pub who: String,
    /// For which builders; none: all of the form's (FO-2).
    pub builders: Vec<BuilderName>,
    /// In which form; `None`: the first that fits (C21).
    pub scheduler: Option<SchedulerName>,
    /// By the names of fields.
    pub properties: BTreeMap<String, String>,
    /// May be empty.
    pub reason: String,
    /// Of codebases.
    pub chosen: Chosen,
}

/// What is to be pinned, where the form is content; and what is to be filled in.
pub(crate) struct Read {
    /// Those named, or all of the form's (FO-2).
    pub builders: Vec<BuilderName>,
    /// `None`: the form has a mistake, which the core will tell.
    pub chosen: Option<Chosen>,
    /// With what was chosen of codebases that the form asks for.
    pub properties: BTreeMap<String, String>,
}

/// Brings together what was chosen and what the form asks.
///
/// # Errors
/// Something was chosen that the form does not ask, or twice.
pub(crate) fn read(state: &State, config: &Config, typed: Typed) -> Result<Read, Refusal> {
    let Typed { who, builders, scheduler, mut properties, reason, mut chosen } = typed;
    let builders = schedule::forced_builders(config, scheduler.as_ref(), builders);
    let form = schedule::form_of(state, config, scheduler.as_ref(), &builders).unwrap_or_default();
    let asked: BTreeSet<&CodebaseName> =
        form.iter().filter_map(|field| field.fills.codebase()).collect();
    if asked.is_empty() {
        return Ok(Read { builders, chosen: Some(chosen), properties });
    }
    let all: BTreeSet<CodebaseName> = builders
        .iter()
        .filter_map(|name| config.builders.get(name))
        .flat_map(|builder| config.codebases_of(builder))
        .collect();
    if let Some(only) = all.first().filter(|only| all.len() == 1 && asked.contains(only)) {
        let choice = std::mem::take(&mut chosen.only);
        fill(form, only, choice, &mut properties)?;
    }
    let mut named = Vec::new();
    for (codebase, choice) in std::mem::take(&mut chosen.named) {
        if asked.contains(&codebase) {
            fill(form, &codebase, choice, &mut properties)?;
        } else {
            named.push((codebase, choice));
        }
    }
    let places =
        schedule::places(state, config, scheduler.as_ref(), &builders, &who, &properties, &reason);
    let Some(places) = places else { return Ok(Read { builders, chosen: None, properties }) };
    named.extend(places.into_iter().filter(|(codebase, _)| all.contains(codebase)).map(
        |(codebase, place)| {
            let choice = Choice {
                branch: place.branch,
                revision: place.revision,
                repository: place.repository,
                project: place.project,
            };
            (codebase, choice)
        },
    ));
    Ok(Read { builders, chosen: Some(Chosen { only: chosen.only, named }), properties })
}

/// Fills the fields of a codebase with what was chosen for it.
fn fill(
    form: &[ForceParameter],
    codebase: &CodebaseName,
    choice: Choice,
    properties: &mut BTreeMap<String, String>,
) -> Result<(), Refusal> {
    for (part, word, text) in [
        (StampPart::Branch, "branch", choice.branch),
        (StampPart::Revision, "revision", choice.revision),
        (StampPart::Repository, "repository", choice.repository),
        (StampPart::Project, "project", choice.project),
    ] {
        let Some(text) = text else { continue };
        let fills = Fills::Stamp { codebase: codebase.clone(), part };
        let Some(field) = form.iter().find(|field| field.fills == fills) else {
            let of = if codebase.as_str().is_empty() {
                String::new()
            } else {
                format!(" of the codebase `{codebase}`")
            };
            return Err(Refusal::mistake(format!("the form does not ask for the {word}{of}")));
        };
        if properties.insert(field.name.clone(), text).is_some() {
            return Err(Refusal::mistake(format!("{}: is given twice", field.name)));
        }
    }
    Ok(())
}
