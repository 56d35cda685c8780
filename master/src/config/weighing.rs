//! More of a lock than a builder's workers have of it: what takes so much would never start there (LK-4, C13).

use linn_core::config::{Lock, LockAccess, LockMode, LockScope, Locks};
use linn_core::id::WorkerName;

use super::draft::{Draft, Kind};
use super::problem::quote;

/// What is said of one declaration, and whether it is a mistake.
struct Finding {
    kind: Kind,
    name: String,
    message: String,
    hint: Option<String>,
}

/// Weighs what builders, their steps and their workers take of worker locks. What is more than any worker has is found where it is
/// written.
pub(super) fn weigh(draft: &mut Draft) {
    let mut found = Vec::new();
    for builder in draft.config.builders.values() {
        let declared = |name: &&WorkerName| draft.config.workers.contains_key(*name);
        let workers: Vec<&WorkerName> = builder.workers.iter().filter(declared).collect();
        let mut weigh = |locks: &Locks, taker: &str, is_step: bool| {
            let Locks::These(accesses) = locks else { return };
            for (lock, count) in accesses.iter().filter_map(|access| counted(draft, access)) {
                let (few, enough): (Vec<&WorkerName>, Vec<&WorkerName>) =
                    workers.iter().copied().partition(|it| lock.capacity(Some(it)) < count);
                let takes =
                    format!("{taker} takes {count} of the lock {}", quote(lock.name.as_str()));
                let most = few.iter().map(|worker| lock.capacity(Some(worker))).max();
                let (message, hint) = match (most, enough.is_empty()) {
                    (None, _) => continue,
                    (Some(most), true) => (
                        format!("{takes}, and none of its workers has more than {most}"),
                        Some(format!("take at most {most}, or raise `max_count_for_worker`")),
                    ),
                    // A build goes to another worker; a step is where its build is.
                    (Some(_), false) if is_step => {
                        let names: Vec<_> = few.iter().map(|it| quote(it.as_str())).collect();
                        (format!("{takes}, and worker {} has less", names.join(", ")), None)
                    }
                    (Some(_), false) => continue,
                };
                let name = builder.name.to_string();
                found.push(Finding { kind: Kind::Builder, name, message, hint });
            }
        };
        weigh(&builder.locks, &format!("builder {}", quote(builder.name.as_str())), false);
        for step in &builder.factory {
            let taker =
                format!("step {} of builder {}", quote(&step.name), quote(builder.name.as_str()));
            weigh(&step.locks, &taker, true);
        }
    }
    for worker in draft.config.workers.values() {
        for (lock, count) in worker.locks.iter().filter_map(|access| counted(draft, access)) {
            let most = lock.capacity(Some(&worker.name));
            if most < count {
                let (worker, lock) = (worker.name.as_str(), quote(lock.name.as_str()));
                found.push(Finding {
                    kind: Kind::Worker,
                    name: worker.to_owned(),
                    message: format!(
                        "every build on worker {} takes {count} of the lock {lock}, and it has {most}",
                        quote(worker)
                    ),
                    hint: Some(format!("take at most {most}, or raise `max_count_for_worker`")),
                });
            }
        }
    }
    for Finding { kind, name, message, hint } in found {
        let place = draft.declared.get(&(kind, name)).cloned().unwrap_or_default();
        match hint {
            Some(hint) => draft.problem(&place, message, hint),
            None => draft.note(&place, message),
        }
    }
}

/// A worker lock, and how much of it is taken, where somewhere there is so much: what there is nowhere is told at its own place.
fn counted<'a>(draft: &'a Draft, access: &LockAccess) -> Option<(&'a Lock, u32)> {
    let lock = draft.config.locks.get(&access.lock)?;
    let LockMode::Counting(count) = access.mode else { return None };
    let most = lock.max_count_for.values().copied().max().unwrap_or(0).max(lock.max_count);
    (lock.scope == LockScope::Worker && count <= most).then_some((lock, count))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{good, lines};

    const HEAD: &str = "cpu = worker_lock(\"cpu\", max_count = 2, max_count_for_worker = {\"small\": 1})\n\
        worker(\"small\")\nworker(\"large\")\n\
        def b(workers, locks = [], of_step = []): builder(\"b\", workers = workers, locks = locks, factory = [shell(\"t\", command = [\"t\"], locks = of_step)])\n\
        force_scheduler(\"f\", builders = [\"b\"])\n";

    fn wrong(star: &str) -> Vec<String> {
        lines(&format!("{HEAD}{star}\n"))
    }

    #[test]
    fn nobody_has_so_much() {
        let hint = "; take at most 1, or raise `max_count_for_worker`";
        let builder = wrong("b([\"small\"], locks = [cpu.counting(2)])");
        let message =
            "builder `b` takes 2 of the lock `cpu`, and none of its workers has more than 1";
        assert_eq!(builder, [format!("master.star:4:43: {message}{hint}")]);
        let step = wrong("b([\"small\"], of_step = [cpu.counting(2)])");
        let message = "step `t` of builder `b` takes 2 of the lock `cpu`, and none of its workers has more than 1";
        assert_eq!(step, [format!("master.star:4:43: {message}{hint}")]);
        let worker =
            HEAD.replace("worker(\"small\")", "worker(\"small\", locks = [cpu.counting(2)])");
        let message = "every build on worker `small` takes 2 of the lock `cpu`, and it has 1";
        assert_eq!(
            lines(&format!("{worker}b([\"small\"])\n")),
            [format!("master.star:2:1: {message}{hint}")]
        );
    }

    #[test]
    fn some_have_so_much() {
        let notes = |star: &str| -> Vec<String> {
            good(&format!("{HEAD}{star}\n")).notes.iter().map(|it| it.message.clone()).collect()
        };
        assert_eq!(
            notes("b([\"small\", \"large\"], locks = [cpu.counting(2)])"),
            Vec::<String>::new()
        );
        assert_eq!(
            notes("b([\"small\", \"large\"], of_step = [cpu.counting(2)])"),
            ["step `t` of builder `b` takes 2 of the lock `cpu`, and worker `small` has less"]
        );
    }
}
