//! `worker`, `local_worker`: where builds run.

use linn_core::config::Worker;
use linn_core::id::WorkerName;

use super::lock;
use super::{Function, Group, Outcome, Parameter, Type, later, param};
use crate::config::call::Call;
use crate::config::draft::Kind;

pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "worker",
        group: Group::Workers,
        doc: "A machine that may dial in under this name.",
        positional: 1,
        parameters: &[WORKER],
        open: false,
        example: "worker(\"linux-1\", max_builds = 2, properties = {\"jobs\": 8})",
        call: |call| declare(call, false),
    },
    Function {
        name: "local_worker",
        group: Group::Workers,
        doc: "A worker that the master runs itself.",
        positional: 1,
        parameters: &[WORKER],
        open: false,
        example: "local_worker(\"local-1\")",
        call: |call| declare(call, true),
    },
];

static WORKER: &[Parameter] = &[
    param("name", Type::Text, "", "Its name."),
    param(
        "max_builds",
        Type::Int,
        "None",
        "Builds at one time; `None`: no limit but one a builder.",
    ),
    param("properties", Type::Dict, "{}", "Properties of its builds."),
    param("defaults", Type::Dict, "{}", "Properties of its builds where nobody else sets them."),
    later("notify_on_missing"),
    later("missing_timeout"),
    param("locks", Type::Locks, "[]", "What every build on it takes too."),
];

fn declare(call: &mut Call<'_, '_>, local: bool) -> Outcome {
    let max_builds = call.count("max_builds", 1);
    let (properties, defaults) = (call.properties("properties"), call.properties("defaults"));
    let locks = lock::fixed(call);
    let Some(name) = call.name(Kind::Worker) else { return Outcome::Mistake };
    let here = call.here();
    let mut draft = call.draft();
    if draft.declare(Kind::Worker, &name, &here) {
        let name = WorkerName::from(name.as_str());
        let worker = Worker { name: name.clone(), max_builds, properties, defaults, locks, local };
        draft.config.workers.insert(name, worker);
    }
    Outcome::Text(name)
}
