//! Reader of an argument that says how something is asked of people: by a field, with a default, or not at all.

use linn_core::config::ForceParameter;

use super::Call;
use crate::config::values::{Made, Product};

/// How something is asked.
pub(in crate::config) enum Given {
    /// Nothing was said.
    Usual,
    /// `None`: it is not asked.
    Hidden,
    /// With this default.
    Text(String),
    /// By these fields.
    Fields(Vec<ForceParameter>),
}

impl Call<'_, '_> {
    /// A text, fields, or `None`.
    pub(in crate::config) fn field(&self, parameter: &str) -> Given {
        let Some(value) = self.given(parameter) else { return Given::Usual };
        if value.is_none() {
            return Given::Hidden;
        }
        if let Some(text) = value.unpack_str() {
            return Given::Text(text.to_owned());
        }
        if let Some(Product::Fields(fields)) = Made::from_value(value).map(|made| &made.0) {
            return Given::Fields(fields.clone());
        }
        self.mistyped(parameter, "a text, a parameter or None", value, "");
        Given::Usual
    }
}
