//! Starlark values → plain data, both as JSON and as values that may depend on the build.

use linn_core::config::TemplateValue;
use serde_json::{Map, Number, Value as Json};
use starlark::values::dict::{AllocDict, DictRef};
use starlark::values::float::StarlarkFloat;
use starlark::values::function::FUNCTION_TYPE;
use starlark::values::list::{AllocList, ListRef};
use starlark::values::structs::{AllocStruct, StructRef};
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, UnpackValue, Value, ValueLike};

use super::values::{Made, Phantom, Product};

/// The deepest nest of lists and dictionaries.
const MAX_DEPTH: usize = 64;

/// Whether it is a function that a file defined.
pub(super) fn is_function(value: Value<'_>) -> bool {
    value.get_type() == FUNCTION_TYPE && value.parameters_spec().is_some()
}

/// What people call a value of this type.
pub(super) fn describe(value: Value<'_>) -> String {
    if let Some(made) = Made::from_value(value) {
        return made.0.word().to_owned();
    }
    match value.get_type() {
        "NoneType" => "None".to_owned(),
        "string" => format!("the text {}", super::problem::quote(value.unpack_str().unwrap_or(""))),
        "int" | "float" => format!("the number {}", value.to_repr()),
        "bool" => value.to_repr(),
        "list" => "a list".to_owned(),
        "tuple" => "a tuple".to_owned(),
        "dict" => "a dictionary".to_owned(),
        FUNCTION_TYPE => "a function".to_owned(),
        "native function" => format!("the function {}", value.to_repr()),
        other => format!("a {other}"),
    }
}

/// The elements of a list or tuple.
pub(super) fn elements<'v>(value: Value<'v>) -> Option<&'v [Value<'v>]> {
    ListRef::from_value(value)
        .map(ListRef::content)
        .or_else(|| TupleRef::from_value(value).map(TupleRef::content))
}

/// A plain value as JSON.
///
/// # Errors
/// What is in it that is not plain.
pub(super) fn json(value: Value<'_>) -> Result<Json, String> {
    json_at(value, 0)
}

fn json_at(value: Value<'_>, depth: usize) -> Result<Json, String> {
    if depth > MAX_DEPTH {
        return Err(format!("is nested deeper than {MAX_DEPTH}"));
    }
    if let Some(text) = value.unpack_str() {
        return Ok(Json::from(text));
    }
    if let Some(Product::LockAccess(access)) = Made::from_value(value).map(|made| &made.0) {
        return serde_json::to_value(access).map_err(|error| format!("has {error}"));
    }
    if value.is_none() || Phantom::from_value(value).is_some() {
        return Ok(Json::Null);
    }
    if let Some(yes) = value.unpack_bool() {
        return Ok(Json::Bool(yes));
    }
    if let Ok(Some(number)) = i64::unpack_value(value) {
        return Ok(Json::from(number));
    }
    if let Some(float) = value.downcast_ref::<StarlarkFloat>() {
        return Number::from_f64(float.0)
            .map(Json::Number)
            .ok_or_else(|| format!("has {}, which is no number", value.to_repr()));
    }
    if let Some(items) = elements(value) {
        return items.iter().map(|item| json_at(*item, depth + 1)).collect();
    }
    if let Some(dict) = DictRef::from_value(value) {
        let pair = |(key, item): (Value<'_>, Value<'_>)| {
            let name = key
                .unpack_str()
                .ok_or_else(|| format!("has the key {}, which is no text", key.to_repr()))?;
            Ok((name.to_owned(), json_at(item, depth + 1)?))
        };
        return dict.iter().map(pair).collect::<Result<Map<_, _>, String>>().map(Json::Object);
    }
    if let Some(record) = StructRef::from_value(value) {
        let pair = |(key, item): (starlark::values::StringValue<'_>, Value<'_>)| {
            Ok((key.as_str().to_owned(), json_at(item, depth + 1)?))
        };
        return record.iter().map(pair).collect::<Result<Map<_, _>, String>>().map(Json::Object);
    }
    if value.get_type() == "int" {
        return Err("has a number beyond 64 bits".to_owned());
    }
    Err(format!("has {}, which is no plain value", describe(value)))
}

/// A value that may depend on the build. `hook` keeps a function.
///
/// # Errors
/// What is in it that cannot be rendered.
pub(super) fn template<'v>(
    value: Value<'v>,
    hook: &mut dyn FnMut(Value<'v>) -> TemplateValue,
) -> Result<TemplateValue, String> {
    template_at(value, hook, 0)
}

fn template_at<'v>(
    value: Value<'v>,
    hook: &mut dyn FnMut(Value<'v>) -> TemplateValue,
    depth: usize,
) -> Result<TemplateValue, String> {
    if depth > MAX_DEPTH {
        return Err(format!("is nested deeper than {MAX_DEPTH}"));
    }
    if let Some(made) = Made::from_value(value) {
        return match &made.0 {
            Product::Template(template) => Ok(template.clone()),
            Product::Secret(name) => Ok(TemplateValue::Secret(name.clone())),
            other => Err(format!("has {}, which is no value", other.word())),
        };
    }
    if Phantom::from_value(value).is_some() {
        // Passes for a value that is known only later, so that nobody complains a second time.
        return Ok(TemplateValue::Prop { name: String::new(), default: Json::Null });
    }
    if is_function(value) {
        return Ok(hook(value));
    }
    if let Some(items) = elements(value) {
        let items: Vec<TemplateValue> = items
            .iter()
            .map(|item| template_at(*item, hook, depth + 1))
            .collect::<Result<_, _>>()?;
        return Ok(plain_list(&items).unwrap_or(TemplateValue::List(items)));
    }
    if let Some(dict) = DictRef::from_value(value) {
        let mut map = std::collections::BTreeMap::new();
        for (key, item) in dict.iter() {
            let name = key
                .unpack_str()
                .ok_or_else(|| format!("has the key {}, which is no text", key.to_repr()))?;
            map.insert(name.to_owned(), template_at(item, hook, depth + 1)?);
        }
        return Ok(plain_map(&map).unwrap_or(TemplateValue::Map(map)));
    }
    json_at(value, depth).map(TemplateValue::Plain)
}

/// A list of plain values is a plain value.
fn plain_list(items: &[TemplateValue]) -> Option<TemplateValue> {
    let plain = items.iter().map(|item| match item {
        TemplateValue::Plain(value) => Some(value.clone()),
        _ => None,
    });
    plain.collect::<Option<Vec<Json>>>().map(|items| TemplateValue::Plain(Json::Array(items)))
}

fn plain_map(map: &std::collections::BTreeMap<String, TemplateValue>) -> Option<TemplateValue> {
    let plain = map.iter().map(|(name, item)| match item {
        TemplateValue::Plain(value) => Some((name.clone(), value.clone())),
        _ => None,
    });
    plain.collect::<Option<Map<_, _>>>().map(|map| TemplateValue::Plain(Json::Object(map)))
}

/// JSON as a Starlark value: dictionaries and lists.
pub(super) fn value_of<'v>(heap: Heap<'v>, json: &Json) -> Value<'v> {
    match json {
        Json::Null => Value::new_none(),
        Json::Bool(yes) => Value::new_bool(*yes),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), ..) => heap.alloc(whole),
            (_, Some(whole), _) => heap.alloc(whole),
            (.., float) => heap.alloc(float.unwrap_or(f64::NAN)),
        },
        Json::String(text) => heap.alloc(text.as_str()),
        Json::Array(items) => heap.alloc(AllocList(items.iter().map(|item| value_of(heap, item)))),
        Json::Object(map) => heap
            .alloc(AllocDict(map.iter().map(|(name, item)| (name.as_str(), value_of(heap, item))))),
    }
}

/// A JSON object as a value whose keys are attributes; what is nested is what `nested` makes of it.
pub(super) fn record_of<'v>(
    heap: Heap<'v>,
    map: &Map<String, Json>,
    nested: impl Fn(&str, &Json) -> Value<'v>,
) -> Value<'v> {
    heap.alloc(AllocStruct(map.iter().map(|(name, item)| (name.as_str(), nested(name, item)))))
}
