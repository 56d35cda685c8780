//! `prop`, `interpolate`: values that are known only when the build runs (PP-5).

use std::collections::{BTreeMap, BTreeSet};

use linn_core::config::{Piece, Selector, Substitution, Template, TemplateValue};
use linn_core::id::SecretName;
use linn_core::render::parse_template;
use serde_json::Value as Json;

use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::draft::Kind;
use crate::config::values::Product;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "prop",
        group: Group::Values,
        doc: "A property of the build, or the default when there is none.",
        positional: 2,
        parameters: &[PROP],
        open: false,
        example: "prop(\"branch\", \"main\")",
        call: prop,
    },
    Function {
        name: "interpolate",
        group: Group::Values,
        doc: "A text with `%(SELECTOR:NAME)s` replaced. Selectors are `prop` (a property), `src` (`src:CODEBASE:ATTRIBUTE`), \
              `worker` (a property of the worker), `secret` (as `secret(...)`, where that may stand) and `kw` (a further named argument). What is missing is the empty text; \
              `:-d` gives `d` if missing, `:~d` gives `d` if missing or false, `:+v` gives `v` if present, and `:?|yes|no` \
              and `:#?|yes|no` choose by presence and by truth. A per cent sign is `%%`.",
        positional: 1,
        parameters: &[INTERPOLATE],
        open: true,
        example: "interpolate(\"%(kw:app)s-%(prop:branch:-main)s.tar\", app = \"zork\")",
        call: interpolate,
    },
];

static PROP: &[Parameter] = &[
    param("name", Type::Text, "", "Which property."),
    param("default", Type::Plain, "None", "When it is missing."),
];

static INTERPOLATE: &[Parameter] = &[param("text", Type::Text, "", "The text.")];

fn prop(call: &mut Call<'_, '_>) -> Outcome {
    let Some(name) = call.required_text("name") else { return Outcome::Mistake };
    let default = call.plain("default").unwrap_or(Json::Null);
    Outcome::Product(Product::Template(TemplateValue::Prop { name, default }))
}

fn interpolate(call: &mut Call<'_, '_>) -> Outcome {
    if !call.is_written("text") {
        call.missing("text");
        return Outcome::Mistake;
    }
    let keywords = call.keywords();
    let Some(text) = call.text("text") else { return Outcome::Mistake };
    match parse_template(&text) {
        Ok(pieces) => {
            call.draft().config.secrets.extend(secrets_of(&pieces));
            find_slips(call, &pieces, &keywords);
            let template = Template { pieces, keywords };
            Outcome::Product(Product::Template(TemplateValue::Interpolate(template)))
        }
        Err(error) => {
            call.problem("text", error.what, "");
            Outcome::Mistake
        }
    }
}

/// What would be the empty text for ever, though something is meant: a keyword that is not given, or a codebase that is not
/// declared. Where the text says itself what to put there instead, that a keyword may be left out is meant.
fn find_slips(call: &Call<'_, '_>, pieces: &[Piece], keywords: &BTreeMap<String, TemplateValue>) {
    let place = call.place("text");
    for piece in pieces {
        let Piece::Substitute { selector, substitution } = piece else { continue };
        match selector {
            Selector::Keyword(name)
                if !keywords.contains_key(name) && *substitution == Substitution::Value =>
            {
                let message = format!("`%(kw:{name})s` stands for an argument that is not given");
                let hint = format!("write `interpolate(\"...\", {name} = ...)`");
                call.draft().problem(&place, message, hint);
            }
            Selector::Src { codebase, .. } if !codebase.as_str().is_empty() => {
                call.draft().mention_if_any(
                    Kind::Codebase,
                    codebase.as_str(),
                    &place,
                    "`interpolate`",
                );
            }
            _ => {}
        }
        match substitution {
            Substitution::Value => {}
            Substitution::IfMissing(pieces)
            | Substitution::IfFalsy(pieces)
            | Substitution::IfPresent(pieces) => find_slips(call, pieces, keywords),
            Substitution::Choose { yes, no, .. } => {
                find_slips(call, yes, keywords);
                find_slips(call, no, keywords);
            }
        }
    }
}

/// The secrets that a text names, in operands too.
fn secrets_of(pieces: &[Piece]) -> BTreeSet<SecretName> {
    let mut names = BTreeSet::new();
    for piece in pieces {
        let Piece::Substitute { selector, substitution } = piece else { continue };
        if let Selector::Secret(name) = selector {
            names.insert(name.clone());
        }
        match substitution {
            Substitution::Value => {}
            Substitution::IfMissing(pieces)
            | Substitution::IfFalsy(pieces)
            | Substitution::IfPresent(pieces) => names.extend(secrets_of(pieces)),
            Substitution::Choose { yes, no, .. } => {
                names.extend(secrets_of(yes));
                names.extend(secrets_of(no));
            }
        }
    }
    names
}
