//! Readers of arguments that pick one of several words, and of secrets.

use linn_core::id::SecretName;
use starlark::values::ValueLike as _;

use super::Call;
use crate::config::nearest;
use crate::config::problem::quote;
use crate::config::values::{Made, Product};

impl Call<'_, '_> {
    /// One of some words; the first where none is given.
    pub(in crate::config) fn choice<T: Copy>(
        &self,
        parameter: &str,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let (_, usual) = *known.first()?;
        let Some(text) = self.text(parameter) else { return Some(usual) };
        let found = known.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let message =
                format!("`{parameter}` of `{}` cannot be {}", self.function.name, quote(&text));
            self.problem(parameter, message, nearest::hint(&text, &names, "it is one of"));
        }
        found.map(|(_, meant)| *meant)
    }

    /// `secret(...)`. What was written instead is not repeated: it may be the secret itself.
    pub(in crate::config) fn secret(&self, parameter: &str) -> Option<SecretName> {
        let value = self.present(parameter)?;
        if let Some(Product::Secret(name)) = value.downcast_ref::<Made>().map(|made| &made.0) {
            return Some(name.clone());
        }
        self.problem(
            parameter,
            format!("`{parameter}` of `{}` must be `secret(...)`", self.function.name),
            format!(
                "write `{parameter} = secret(\"NAME\")`, and keep the value in DIR/secrets/NAME"
            ),
        );
        None
    }
}
