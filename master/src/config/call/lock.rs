//! `db.exclusive()` and `cpu.counting(2)`: the two ways in which a lock is taken.

use linn_core::config::{LockAccess, LockMode};
use linn_core::id::LockName;
use starlark::eval::{Arguments, Evaluator};
use starlark::values::Value;

use super::CallSite;
use crate::config::problem::quote;
use crate::config::values::{Desk, Made, Phantom, Product};

/// Takes a lock. While a configuration is loaded a mistake is written down and the evaluation goes on; a function of a build
/// ends with it.
///
/// # Errors
/// What is wrong with the argument, in a function of a build.
pub(in crate::config) fn take<'v>(
    lock: &LockName,
    exclusive: bool,
    arguments: &Arguments<'v, '_>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> starlark::Result<Value<'v>> {
    let heap = eval.heap();
    let positional: Vec<Value<'v>> = arguments.positions(heap)?.collect();
    let named = arguments.names_map()?.len();
    let (mode, wrong) = match (exclusive, positional.as_slice()) {
        _ if named > 0 => (None, "takes no argument with a name"),
        (true, []) => (Some(LockMode::Exclusive), ""),
        (true, _) => (None, "takes no argument"),
        (false, []) => (Some(LockMode::Counting(1)), ""),
        (false, [count]) => match count.unpack_i32().and_then(|count| u32::try_from(count).ok()) {
            Some(count) => (Some(LockMode::Counting(count)), ""),
            None => (None, "takes a number of at least 0"),
        },
        (false, _) => (None, "takes one number"),
    };
    let desk = eval.extra.and_then(|extra| extra.downcast_ref::<Desk>());
    let site = |desk: &Desk| {
        eval.call_stack_top_location()
            .map_or_else(CallSite::default, |span| desk.0.borrow().calls.site(&span))
    };
    let Some(mode) = mode else {
        let verb = if exclusive { "exclusive" } else { "counting" };
        let message = format!("`{verb}` of the lock {} {wrong}", quote(lock.as_str()));
        let Some(desk) = desk else {
            return Err(starlark::Error::new_other(anyhow::anyhow!(message)));
        };
        let place = site(desk).place;
        desk.0.borrow_mut().problem(&place, message, "write .exclusive() or .counting(2)");
        return Ok(heap.alloc(Phantom));
    };
    let access = LockAccess { lock: lock.clone(), mode };
    if let Some(desk) = desk {
        let place = site(desk).place;
        desk.0.borrow_mut().takings.push((access.clone(), place));
    }
    Ok(heap.alloc(Made(Product::LockAccess(access))))
}
