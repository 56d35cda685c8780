//! What users' functions say of who builds what (RQ-2, RQ-4, MG-7): each asked in this one place, each with the usual choice
//! where it errs (F43).

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::{Builder, Config, LockAccess};
use crate::ctx::Ctx;
use crate::hooks::{Argument, HookError, HookId};
use crate::id::{RequestId, WorkerName};
use crate::live::Veto;
use crate::model::BuildRequest;
use crate::view::{builder_view, request_view, truthy, worker_view};

/// The most requests that `next_build` is shown: those that come first.
pub(crate) const MAX_SHOWN: usize = 200;

/// What `next_build` says.
pub(crate) enum Pick {
    /// This one.
    One(RequestId),
    /// None for now.
    Nothing,
    /// It errs: the usual order counts.
    Erred,
}

/// Which of these requests `next_build` picks.
pub(crate) fn pick(
    ctx: &mut Ctx<'_>,
    builder: &Builder,
    hook: &HookId,
    shown: &[RequestId],
) -> Pick {
    let requests = shown.iter().filter_map(|id| ctx.state().request(*id));
    let views = requests.map(|request| Argument::Object(request_view(ctx.state(), request)));
    let arguments = [builder_argument(builder), Argument::List(views.collect())];
    match ctx.hooks.call(hook, &arguments).and_then(|value| picked(&value, shown)) {
        Ok(choice) => {
            ctx.live.erred.remove(hook);
            for request in shown {
                if choice.is_none() {
                    ctx.live.vetoed.insert(*request, Veto::Function("next_build"));
                } else {
                    ctx.live.vetoed.remove(request);
                }
            }
            choice.map_or(Pick::Nothing, Pick::One)
        }
        Err(error) => {
            tell(ctx, hook, &error, "the first request by priority and age is taken");
            Pick::Erred
        }
    }
}

/// A request that a function returned: itself, its id, or `None` for no build now.
fn picked(value: &Value, shown: &[RequestId]) -> Result<Option<RequestId>, HookError> {
    let id = match value {
        Value::Null => return Ok(None),
        Value::Object(request) => request.get("id").and_then(Value::as_u64),
        other => other.as_u64(),
    };
    let known = id.map(RequestId).filter(|id| shown.contains(id));
    known.map(Some).ok_or_else(|| HookError {
        what: "it must return one of the requests it was given, or None".to_owned(),
    })
}

/// Whether `can_start_build` lets a worker take a request.
pub(crate) fn may_start(
    ctx: &mut Ctx<'_>,
    builder: &Builder,
    worker: &WorkerName,
    request: RequestId,
) -> bool {
    let Some(hook) = &builder.policy.can_start_build else { return true };
    let config = ctx.config();
    let Some(request) = ctx.state().request(request) else { return false };
    let arguments = [
        builder_argument(builder),
        worker_argument(ctx, &config, worker),
        Argument::Object(request_view(ctx.state(), request)),
    ];
    match ctx.hooks.call(hook, &arguments) {
        Ok(value) => {
            ctx.live.erred.remove(hook);
            truthy(&value)
        }
        Err(error) => {
            tell(ctx, hook, &error, "the build may start");
            true
        }
    }
}

/// The worker that `next_worker` picks out of those that may; `None`: no build now.
pub(crate) fn worker(
    ctx: &mut Ctx<'_>,
    builder: &Builder,
    request: RequestId,
    free: &[WorkerName],
) -> Option<WorkerName> {
    let Some(hook) = &builder.policy.next_worker else { return free.first().cloned() };
    let config = ctx.config();
    let request = ctx.state().request(request)?;
    let workers = free.iter().map(|worker| worker_argument(ctx, &config, worker)).collect();
    let arguments = [
        builder_argument(builder),
        Argument::List(workers),
        Argument::Object(request_view(ctx.state(), request)),
    ];
    match ctx.hooks.call(hook, &arguments).and_then(|value| chosen(&value, free)) {
        Ok(choice) => {
            ctx.live.erred.remove(hook);
            choice
        }
        Err(error) => {
            tell(ctx, hook, &error, "the usual worker is taken");
            free.first().cloned()
        }
    }
}

/// A worker that a function returned: itself, its name, or `None` for no build now.
fn chosen(value: &Value, free: &[WorkerName]) -> Result<Option<WorkerName>, HookError> {
    let name = match value {
        Value::Null => return Ok(None),
        Value::Object(worker) => worker.get("name").and_then(Value::as_str),
        other => other.as_str(),
    };
    let known = free.iter().find(|worker| Some(worker.as_str()) == name);
    known.cloned().map(Some).ok_or_else(|| HookError {
        what: "it must return one of the workers it was given, or None".to_owned(),
    })
}

/// Whether a function lets two requests become one build: only what is truly `True` does (MG-7).
pub(crate) fn may_merge(
    ctx: &mut Ctx<'_>,
    hook: &HookId,
    builder: &Builder,
    older: &BuildRequest,
    newer: &BuildRequest,
) -> Result<bool, HookError> {
    let state = ctx.state();
    let arguments = [
        builder_argument(builder),
        Argument::Object(request_view(state, older)),
        Argument::Object(request_view(state, newer)),
    ];
    let answer = ctx.hooks.call(hook, &arguments);
    match &answer {
        Ok(_) => _ = ctx.live.erred.remove(hook),
        Err(error) => tell(ctx, hook, error, "requests are merged by the usual rule"),
    }
    answer.map(|value| value == Value::Bool(true))
}

fn builder_argument(builder: &Builder) -> Argument {
    Argument::Object(builder_view(builder))
}

fn worker_argument(ctx: &Ctx<'_>, config: &Config, worker: &WorkerName) -> Argument {
    Argument::Object(worker_view(ctx.state(), config, worker))
}

/// The locks that a builder's function wants for a request; `None`: it erred, and nothing may start without them.
pub(crate) fn locks(
    ctx: &mut Ctx<'_>,
    hook: &HookId,
    request: RequestId,
) -> Option<Vec<LockAccess>> {
    let request = ctx.state().request(request)?;
    let argument = Argument::Object(request_view(ctx.state(), request));
    let wanted = ctx.hooks.call(hook, &[argument]).and_then(lock_list);
    match wanted {
        Ok(locks) => {
            ctx.live.erred.remove(hook);
            Some(locks)
        }
        Err(error) => {
            tell(ctx, hook, &error, "nothing is started without its locks");
            None
        }
    }
}

/// What a function of locks returned.
pub(crate) fn lock_list(value: Value) -> Result<Vec<LockAccess>, HookError> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    serde_json::from_value(value).map_err(|_| HookError {
        what: "it must return a list like [db.exclusive(), cpu.counting(2)]".to_owned(),
    })
}

/// A policy is asked again and again; people hear of its trouble once, until it works again.
fn tell(ctx: &mut Ctx<'_>, hook: &HookId, error: &HookError, instead: &str) {
    if ctx.live.erred.insert(hook.clone()) {
        ctx.tell_hook(hook, error, instead, None);
    }
}

/// The functions that erred when they were last asked.
pub(crate) type Erred = BTreeSet<HookId>;
