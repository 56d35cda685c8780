//! Bounds that Starlark's own limits do not give: they are looked at every thousand ticks, and a tick is a call or a round
//! of a loop, so that much can fill the memory before that.
//!
//! The heap is looked at before every statement ([`HeapGuard`]), and, since a comprehension is one statement however many
//! rounds it has, before every operator and function that makes something as large as what it is given. `+`, `*` and `%`
//! are replaced in every syntax tree, the functions are wrapped. `+` and `*` also compute the size of the result first, and
//! the numbers they take and make are bounded, because a number that is squared sixty times needs neither a tick nor a byte
//! of Starlark's heap; `range` is bounded.
//!
//! What is left is what Starlark lets nobody in between: methods (`join`, `replace`, `extend`) and slices, of which a
//! comprehension may do a thousand before Starlark looks; and dictionaries, which it does not count. A single one makes at most
//! the product of two bounded sizes. That is why texts and lists are shorter in the functions that are called later, in the
//! engine's own thread, than while a file is loaded.

use starlark::environment::{Globals, GlobalsBuilder};
use starlark::eval::{BeforeStmtFuncDyn, Evaluator};
use starlark::starlark_module;
use starlark::values::list::ListRef;
use starlark::values::range::Range;
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, Value};

use super::values::{Growing, Operator};

/// What an evaluation may use.
#[derive(Debug)]
pub(super) struct Bounds {
    /// How much work, as Starlark counts it.
    pub ticks: u64,
    /// Memory, in bytes.
    pub heap: usize,
    /// The longest text, list or tuple that `+` and `*` make.
    length: i64,
}

/// Of one file: some tens of milliseconds. A thousand builders of twenty steps take a tenth of it.
pub(super) const LOAD: Bounds = Bounds { ticks: 2_000_000, heap: 256 << 20, length: 1 << 20 };
/// Of one call of a function: a few milliseconds.
pub(super) const CALL: Bounds = Bounds { ticks: 200_000, heap: 32 << 20, length: 1 << 16 };

/// The longest `range`.
const MAX_RANGE: i64 = 1 << 20;

/// The longest number that `+` and `*` take and make, in bits.
const MAX_BITS: i32 = 4096;

/// What `+` and `*` are replaced by in every syntax tree. The names cannot be written in a file.
pub(super) const REPLACED: [(&str, &str); 3] = [("+", PLUS), ("*", TIMES), ("%", PERCENT)];
const PLUS: &str = "operator +";
const TIMES: &str = "operator *";
const PERCENT: &str = "operator %";

/// Functions of Starlark's that make something as large as what they are given.
const GROWING: [&str; 12] = [
    "dict",
    "enumerate",
    "filter",
    "list",
    "map",
    "repr",
    "reversed",
    "set",
    "sorted",
    "str",
    "tuple",
    "zip",
];

/// The length of a text, list or tuple.
fn length(value: Value<'_>) -> Option<i64> {
    let length = if let Some(text) = value.unpack_str() {
        text.len()
    } else if let Some(list) = ListRef::from_value(value) {
        list.len()
    } else {
        TupleRef::from_value(value)?.len()
    };
    i64::try_from(length).ok()
}

/// Refuses what is longer than allowed.
fn short_enough(length: i64, bounds: &Bounds) -> starlark::Result<()> {
    if length > bounds.length {
        return Err(starlark::Error::new_other(anyhow::anyhow!(
            "the result would have a length of {length}; at most {} is allowed",
            bounds.length
        )));
    }
    Ok(())
}

/// Refuses a number beyond [`MAX_BITS`]; any other value passes.
fn small_enough<'v>(value: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
    if value.get_type() == "int" && value.unpack_i32().is_none() {
        let limit = heap.alloc(1).left_shift(heap.alloc(MAX_BITS), heap)?;
        if value.compare(limit)?.is_ge() || value.compare(limit.minus(heap)?)?.is_le() {
            return Err(starlark::Error::new_other(anyhow::anyhow!(
                "a number of more than {MAX_BITS} bits; no longer one is allowed"
            )));
        }
    }
    Ok(value)
}

fn plus<'v>(
    left: Value<'v>,
    right: Value<'v>,
    heap: Heap<'v>,
    bounds: &Bounds,
) -> starlark::Result<Value<'v>> {
    if let (Some(a), Some(b)) = (length(left), length(right)) {
        short_enough(a.saturating_add(b), bounds)?;
    }
    small_enough(left.add(right, heap)?, heap)
}

fn times<'v>(
    left: Value<'v>,
    right: Value<'v>,
    heap: Heap<'v>,
    bounds: &Bounds,
) -> starlark::Result<Value<'v>> {
    let repeated = match (length(left), length(right)) {
        (Some(length), None) => Some((length, right)),
        (None, Some(length)) => Some((length, left)),
        _ => None,
    };
    if let Some((length, times)) = repeated {
        // A count that is no small number is either none at all or far too many.
        let times = times.unpack_i32().map_or(i64::MAX, i64::from).max(0);
        short_enough(length.saturating_mul(times), bounds)?;
    }
    small_enough(left, heap)?
        .mul(small_enough(right, heap)?, heap)
        .and_then(|it| small_enough(it, heap))
}

/// A number, or a text with its places filled: nothing to compute first, but the heap is looked at.
fn percent<'v>(
    left: Value<'v>,
    right: Value<'v>,
    heap: Heap<'v>,
    _bounds: &Bounds,
) -> starlark::Result<Value<'v>> {
    left.percent(right, heap)
}

#[starlark_module]
fn bounded(builder: &mut GlobalsBuilder) {
    /// A sequence of numbers, of at most a million.
    fn range<'v>(
        #[starlark(require = pos)] first: i32,
        #[starlark(require = pos)] stop: Option<i32>,
        #[starlark(require = pos, default = 1)] step: i32,
    ) -> anyhow::Result<Range> {
        let (start, stop) = stop.map_or((0, first), |stop| (first, stop));
        let step = std::num::NonZeroI32::new(step)
            .ok_or_else(|| anyhow::anyhow!("the step of range() is 0"))?;
        let count = (i64::from(stop) - i64::from(start)) / i64::from(step.get());
        if count > MAX_RANGE {
            anyhow::bail!("range() of {count} numbers; at most {MAX_RANGE} is allowed");
        }
        Ok(Range::new(start, stop, step))
    }
}

/// Puts the guarded operators and functions among the global names. `standard` has the functions that are wrapped.
pub(super) fn install(globals: &mut GlobalsBuilder, standard: &'static Globals) {
    bounded(globals);
    globals.set(PLUS, Operator { symbol: PLUS, act: plus });
    globals.set(TIMES, Operator { symbol: TIMES, act: times });
    globals.set(PERCENT, Operator { symbol: PERCENT, act: percent });
    for (name, function) in standard.iter() {
        if let Some(name) = GROWING.into_iter().find(|growing| *growing == name) {
            globals.set(name, Growing { name, function });
        }
    }
}

/// The bounds of an evaluation: only one that loads has something to write into.
fn bounds_of(eval: &Evaluator<'_, '_, '_>) -> &'static Bounds {
    if eval.extra.is_some() { &LOAD } else { &CALL }
}

/// Looks at the heap, and gives the bounds.
///
/// # Errors
/// It is too large.
pub(super) fn look(eval: &Evaluator<'_, '_, '_>) -> starlark::Result<&'static Bounds> {
    let bounds = bounds_of(eval);
    if eval.heap().allocated_bytes() > bounds.heap {
        return Err(starlark::Error::new_other(anyhow::anyhow!(
            "it uses more than {} MiB of memory",
            bounds.heap >> 20
        )));
    }
    Ok(bounds)
}

/// Looks at the heap and the ticks before every statement: sooner than Starlark does, and with the place.
pub(super) struct HeapGuard;

impl<'e> BeforeStmtFuncDyn<'e> for HeapGuard {
    fn call<'v>(
        &mut self,
        _span: starlark::codemap::FileSpanRef<'_>,
        _continued: bool,
        eval: &mut Evaluator<'v, '_, 'e>,
    ) -> starlark::Result<()> {
        let bounds = look(eval)?;
        if eval.get_total_tick_count() > bounds.ticks {
            return Err(starlark::Error::new_other(anyhow::anyhow!(
                "it runs for more than {} ticks",
                bounds.ticks
            )));
        }
        Ok(())
    }
}
