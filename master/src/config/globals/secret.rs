//! `secret`: something that is named in the file and kept elsewhere (F12).

use linn_core::config::validate::check_secret_name;
use linn_core::id::SecretName;

use super::{Function, Group, Outcome, Parameter, Type, param};
use crate::config::call::Call;
use crate::config::problem::quote;
use crate::config::values::Product;

pub(super) static FUNCTIONS: &[Function] = &[Function {
    name: "secret",
    group: Group::Site,
    doc: "A secret by its name. Its value is read when it is needed, and never written down: from the file `DIR/secrets/NAME` \
          of the master's folder, which nobody else may be able to read (mode 0600), without the line feed at its end; else \
          from the master's environment, `LINN_SECRET_NAME` with the name in capitals and `_` for what is no letter or digit. \
          In a step it may stand in the command, in `env` and `stdin`, in the text of `download_text` and in what `http_request` \
          sends; records, logs and consoles have its name instead, and what the step writes has `***`. A step whose secret has \
          no value is an exception.",
    positional: 1,
    parameters: &[SECRET],
    open: false,
    example: "webhook(\"github\", dialect = \"github\", secret = secret(\"github-hook\"))",
    call: secret,
}];

static SECRET: &[Parameter] = &[param("name", Type::Text, "", "Which one.")];

fn secret(call: &mut Call<'_, '_>) -> Outcome {
    let Some(name) = call.required_text("name") else { return Outcome::Mistake };
    if let Err(why) = check_secret_name(&name) {
        call.problem(
            "name",
            format!("secret {}: {why}", quote(&name)),
            "1-100 of a-z, A-Z, 0-9, `.`, `_` and `-`; the value itself does not belong into this file",
        );
        return Outcome::Mistake;
    }
    let name = SecretName::from(name);
    call.draft().config.secrets.insert(name.clone());
    Outcome::Product(Product::Secret(name))
}
