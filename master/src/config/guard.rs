//! Bounds that Starlark's own limits do not give: they are looked at every thousand ticks, and one operation can fill the
//! memory before that.
//!
//! `+` and `*` are replaced by the two functions here, which compute the size of the result first; the numbers they take and
//! make are bounded, because a number that is squared sixty times needs neither a tick nor a byte of Starlark's heap; `range`
//! is bounded; and [`HeapGuard`] looks at the heap before every statement. What is left is a single call of a method (`join`, `replace`,
//! `extend`) on values that are large already; each of those is at most the product of two bounded sizes.

use starlark::environment::GlobalsBuilder;
use starlark::eval::{BeforeStmtFuncDyn, Evaluator};
use starlark::starlark_module;
use starlark::values::list::ListRef;
use starlark::values::range::Range;
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, Value};

/// The longest text, list or tuple that `+` and `*` make.
const MAX_LENGTH: i64 = 1 << 20;

/// The longest number that `+` and `*` take and make, in bits.
const MAX_BITS: i32 = 4096;

/// What `+` and `*` are replaced by in every syntax tree. The names cannot be written in a file.
pub(super) const REPLACED: [(&str, &str); 2] = [("+", PLUS), ("*", TIMES)];
const PLUS: &str = "operator +";
const TIMES: &str = "operator *";

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

fn too_long(length: i64) -> starlark::Error {
    starlark::Error::new_other(anyhow::anyhow!(
        "the result would have a length of {length}; at most {MAX_LENGTH} is allowed"
    ))
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

fn plus<'v>(left: Value<'v>, right: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
    if let (Some(a), Some(b)) = (length(left), length(right))
        && a.saturating_add(b) > MAX_LENGTH
    {
        return Err(too_long(a.saturating_add(b)));
    }
    small_enough(left.add(right, heap)?, heap)
}

fn times<'v>(left: Value<'v>, right: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
    let repeated = match (length(left), length(right)) {
        (Some(length), None) => Some((length, right)),
        (None, Some(length)) => Some((length, left)),
        _ => None,
    };
    if let Some((length, times)) = repeated
        && length > 0
    {
        // A count that is no small number is either none at all or far too many.
        let times = times.unpack_i32().map_or(i64::MAX, i64::from).max(0);
        if length.saturating_mul(times) > MAX_LENGTH {
            return Err(too_long(length.saturating_mul(times)));
        }
    }
    small_enough(left, heap)?
        .mul(small_enough(right, heap)?, heap)
        .and_then(|it| small_enough(it, heap))
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
        if count > MAX_LENGTH {
            anyhow::bail!("range() of {count} numbers; at most {MAX_LENGTH} is allowed");
        }
        Ok(Range::new(start, stop, step))
    }
}

/// Puts the guarded operators and `range` among the global names.
pub(super) fn install(globals: &mut GlobalsBuilder) {
    bounded(globals);
    globals.set(PLUS, super::values::Operator { symbol: PLUS, act: plus });
    globals.set(TIMES, super::values::Operator { symbol: TIMES, act: times });
}

/// Looks at the heap and the ticks before every statement: sooner than Starlark does, and with the place.
pub(super) struct HeapGuard {
    /// In bytes.
    pub heap: usize,
    /// How much work, as Starlark counts it.
    pub ticks: u64,
}

impl<'e> BeforeStmtFuncDyn<'e> for HeapGuard {
    fn call<'v>(
        &mut self,
        _span: starlark::codemap::FileSpanRef<'_>,
        _continued: bool,
        eval: &mut Evaluator<'v, '_, 'e>,
    ) -> starlark::Result<()> {
        if eval.heap().allocated_bytes() > self.heap {
            return Err(starlark::Error::new_other(anyhow::anyhow!(
                "it uses more than {} MiB of memory",
                self.heap >> 20
            )));
        }
        if eval.get_total_tick_count() > self.ticks {
            return Err(starlark::Error::new_other(anyhow::anyhow!(
                "it runs for more than {} ticks",
                self.ticks
            )));
        }
        Ok(())
    }
}
