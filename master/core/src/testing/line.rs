//! One line for each record and action: deterministic, short, and enough to tell one behaviour from another.

use std::fmt::Write as _;

use crate::action::{Action, Answer, HeldVerdict};
use crate::change::SourceStamp;
use crate::config::Vcs;
use crate::id::ChangeId;
use crate::model::{Child, CommandSpec, CommandWhat, Deletion, HereCommand, Totals};
use crate::record::{Record, Subject};

/// A record as one line: its kind, its subject, and what matters of the rest.
#[must_use]
pub fn line(record: &Record) -> String {
    let mut out = record.kind().to_owned();
    let mut add = |text: &str| {
        // What has a reason of its own after its subject begins with the colon.
        if !text.is_empty() && !text.starts_with(':') {
            out.push(' ');
        }
        out.push_str(text);
    };
    add(&record.subject());
    add(&detail(record));
    out
}

fn detail(record: &Record) -> String {
    match record {
        Record::ChangeAdded(change) => {
            let branch = change.branch.as_deref().unwrap_or(DEFAULT_BRANCH);
            let revision = change.revision.as_deref().unwrap_or("(no revision)");
            let mut out = format!("{branch}@{revision} by {}", change.author);
            if !change.parents.is_empty() {
                let _ = write!(out, " after {}", joined(change.parents.iter()));
            }
            out
        }
        Record::CommitsLearned { commits, .. } => {
            joined(commits.iter().map(|commit| commit.revision.as_str()))
        }
        Record::ChangeClassified { change, important, .. } => {
            format!("change {change}{}", if *important { " important" } else { "" })
        }
        Record::SchedulerFired { changes, .. } => format!("changes {}", ids(changes)),
        Record::SchedulerSwitched { enabled, against_config, by, .. } => {
            let word = if *enabled { "enabled" } else { "disabled" };
            let as_configured = if *against_config { "" } else { ", as it is configured" };
            let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
            format!("{word}{by}{as_configured}")
        }
        Record::SchedulerTimed { schedule, watches, .. } => match (&**schedule, &**watches) {
            ("", _) => "by no clock".to_owned(),
            (schedule, "") => schedule.to_owned(),
            (schedule, watches) => format!("{schedule} if {watches} changed"),
        },
        Record::SourceAdvanced { tips, .. } => {
            joined(tips.iter().map(|(branch, tip)| format!("{branch}@{tip}")))
        }
        Record::SourceFailed { error, .. } => error.clone(),
        Record::BuildsetAdded(buildset) => {
            let stamps = joined(buildset.stamps.iter().map(stamp));
            format!("by {} of {stamps}: {}", buildset.scheduler, buildset.reason)
        }
        Record::RequestAdded(request) => {
            let mut out = format!("for {}", request.builder);
            if request.priority != 0 {
                let _ = write!(out, " priority {}", request.priority);
            }
            out
        }
        Record::RequestPrioritised { priority, .. } => priority.to_string(),
        Record::RequestFinished { results, by, why, .. } => {
            let mut out = results.to_string();
            if !by.is_empty() {
                let _ = write!(out, " by {by}");
            }
            if !why.is_empty() {
                let _ = write!(out, ": {why}");
            }
            out
        }
        Record::BuildsetFinished { results, .. } => results.to_string(),
        Record::BuildsetResolved { stamps, unknown, .. } => {
            let mut out = format!("at {}", joined(stamps.iter().map(stamp)));
            for (codebase, why) in unknown {
                let _ = write!(out, " [{codebase}: {why}]");
            }
            out
        }
        Record::BuildsetFirstFailure { request, .. } => format!("by request {request}"),
        Record::BuildStarted(build) => {
            let mut out = format!("request {} on {}", joined(build.requests.iter()), build.worker);
            if build.attempt > 1 {
                let _ = write!(out, " attempt {}", build.attempt);
            }
            if !build.blame.changes.is_empty() {
                let _ = write!(out, " new {}", ids(&build.blame.changes));
            }
            out
        }
        Record::BuildBlamed { blame, .. } => {
            format!("new {} since good {}", ids(&blame.changes), ids(&blame.since_good.changes))
        }
        Record::StepsAdded { step, recipe, .. } => {
            let after = recipe.iter().skip(step.0.saturating_sub(1) as usize);
            format!("from {step}: {}", joined(after.map(|step| step.name.as_str())))
        }
        Record::StepWaiting { locks, .. } => {
            format!("for {}", joined(locks.iter().map(|it| format!("{} ({})", it.key, it.mode))))
        }
        Record::StepStarted { spec, shown, text, .. } => {
            let words = if text.is_empty() { String::new() } else { format!(" ({text})") };
            match spec {
                Some(spec) => format!("command {}: {shown}{words}", spec.id),
                None => format!("{shown}{words}"),
            }
        }
        Record::StepTriggered { children, waits_for, .. } => {
            let of = |child: &Child| format!("{} buildset {}", child.scheduler, child.buildset);
            let mut parts = Vec::new();
            if !children.is_empty() {
                parts.push(joined(children.iter().map(of)));
            }
            if !waits_for.is_empty() {
                parts.push(format!("waits for {}", joined(waits_for.iter())));
            }
            parts.join(" ")
        }
        Record::ChildFinished { buildset, results, .. } => format!("buildset {buildset} {results}"),
        Record::StepLinked { url, .. } => format!("{}: {}", url.name, url.url),
        Record::StepFinished { results, text, hidden, tests, .. } => {
            let mut out = format!("{results}{}: {text}", if *hidden { " hidden" } else { "" });
            for test in tests {
                let _ = write!(out, " [{} {}]", test.name, test.result.word());
            }
            out
        }
        Record::PropertySet { name, value, source, .. } => {
            format!("{name} = {value} by {}", source.word())
        }
        Record::BuildStopping { stop, .. } => {
            let by = if stop.by.is_empty() { "the master" } else { &stop.by };
            format!("{}by {by}: {}", if stop.kill { "kill " } else { "" }, stop.reason)
        }
        Record::BuildFinished { results, text, new_failure, .. } => {
            format!("{results}{}: {text}", if *new_failure { " new" } else { "" })
        }
        Record::WorkerPaused { hold, .. } => {
            let word = if hold.draining { "draining" } else { "paused" };
            if hold.reason.is_empty() {
                word.to_owned()
            } else {
                format!("{word}: {}", hold.reason)
            }
        }
        Record::WorkerTroubled { quarantine, .. } => quarantine.words(),
        Record::NoticeRaised(notice) => {
            format!("{}: {} [{}]", notice.kind.word(), notice.text, notice.people.join(", "))
        }
        Record::ArtifactAdded { artifact, .. } => {
            format!("{} {} bytes {:.8}", artifact.name, artifact.bytes, artifact.sha256)
        }
        Record::BuildPinned { pin, .. } => format!("by {}: {}", pin.by, pin.reason),
        Record::BuildUnpinned { by, .. } => format!("by {by}"),
        Record::RetentionTimed { rules, .. } => rules.clone(),
        Record::HistoryDeleted(deletion) => deleted(deletion),
        Record::RetentionApplied { by, totals, .. } => applied(by, totals),
        Record::AskingAnswered { made, .. } => made_of(made),
        Record::InputRefused { verb, who, what, .. } => format!("{verb} by {who}: {what}"),
        Record::StaleResultRefused { command, .. } => format!("command {command}"),
        Record::SourceRecovered { .. }
        | Record::RequestReturned { .. }
        | Record::BuildOrphaned { .. }
        | Record::BuildResumed { .. }
        | Record::WorkerConnected { .. }
        | Record::WorkerLost { .. }
        | Record::WorkerResumed { .. }
        | Record::WorkerReleased { .. }
        | Record::ConfigApplied { .. } => String::new(),
    }
}

/// An action as one line, told from a record by its arrow.
#[must_use]
pub fn action_line(action: &Action) -> String {
    match action {
        Action::Welcome { session, held } => {
            let word = |verdict: &HeldVerdict| match verdict {
                HeldVerdict::Resume => "resume",
                HeldVerdict::Forget => "forget",
                HeldVerdict::Kill => "kill",
            };
            let held: Vec<_> =
                held.iter().map(|(id, verdict)| format!(" {id}:{}", word(verdict))).collect();
            format!("-> welcome session {session}{}", held.concat())
        }
        Action::RefuseWorker { session, why, .. } => {
            format!("-> refuse session {session}: {why}")
        }
        Action::CloseSession { session } => format!("-> close session {session}"),
        Action::SendCommand { session, spec } => {
            format!("-> send command {} to session {session}: {}", spec.id, what(spec))
        }
        Action::RunHere { spec } => format!("-> run command {} here: {}", spec.id, what(spec)),
        Action::Resolve { buildset, stamps } => {
            let stamps = joined(stamps.iter().map(stamp));
            format!("-> resolve buildset {buildset}: {stamps}")
        }
        Action::EndHere { command, reason, kill } => {
            let verb = if *kill { "kill" } else { "interrupt" };
            format!("-> {verb} command {command} here: {reason}")
        }
        Action::InterruptCommand { command, reason, kill, .. } => {
            let verb = if *kill { "kill" } else { "interrupt" };
            format!("-> {verb} command {command}: {reason}")
        }
        Action::ReadHistory => "-> read history".to_owned(),
        Action::AckCommand { command, .. } => format!("-> ack command {command}"),
        Action::Reply { token, answer } => match answer {
            Answer::Accepted { made } => format!("-> reply {token}: {}", made_of(made)),
            Answer::Changes(changes) => format!("-> reply {token}: changes {}", ids(changes)),
            Answer::Refused(refusal) => {
                let mut out = format!("-> refuse {token}: {}", refusal.what);
                for more in [&refusal.why, &refusal.hint] {
                    if !more.is_empty() {
                        let _ = write!(out, " | {more}");
                    }
                }
                out
            }
        },
    }
}

fn what(spec: &CommandSpec) -> String {
    let spec = spec.with_secrets(|name| format!("<{name}>"));
    match &spec.what {
        CommandWhat::Shell(shell) => shell.argv.join(" "),
        CommandWhat::Checkout(checkout) => {
            let at = place(checkout.branch.as_deref(), checkout.revision.as_deref());
            let with = match checkout.vcs {
                Vcs::Git => String::new(),
                other => format!(" with {}", other.word()),
            };
            format!("checkout {} {at}{with}", checkout.repository)
        }
        CommandWhat::Files(files) => files.shown(),
        CommandWhat::Upload(upload) => format!("upload {} as {:?}", upload.source, upload.dest),
        CommandWhat::Download(download) => {
            format!("download {} to {}", download.source, download.dest)
        }
        CommandWhat::Here(HereCommand::Shell(shell)) => shell.argv.join(" "),
        CommandWhat::Here(HereCommand::Http(http)) => format!("{} {}", http.method, http.url),
    }
}

fn stamp(stamp: &SourceStamp) -> String {
    let mut out = String::new();
    if !stamp.codebase.as_str().is_empty() {
        let _ = write!(out, "{}:", stamp.codebase);
    }
    out.push_str(&place(stamp.branch.as_deref(), stamp.revision.as_deref()));
    if stamp.patch.is_some() {
        out.push_str("+patch");
    }
    if !stamp.changes.is_empty() {
        let _ = write!(out, "[{}]", ids(&stamp.changes));
    }
    out
}

/// No branch is named so.
const DEFAULT_BRANCH: &str = "(default branch)";

/// `branch@revision`, in words where there is none: what is not pinned is the tip.
fn place(branch: Option<&str>, revision: Option<&str>) -> String {
    format!("{}@{}", branch.unwrap_or(DEFAULT_BRANCH), revision.unwrap_or("(tip)"))
}

/// What went, kind by kind.
fn deleted(deletion: &Deletion) -> String {
    let mut parts = Vec::new();
    for (kind, gone) in [
        ("builds", &deletion.builds),
        ("logs of", &deletion.logs),
        ("artifacts of", &deletion.artifacts),
    ] {
        for it in gone {
            parts.push(format!("{kind} {} ({})", it.build, it.rule));
        }
    }
    parts.extend(
        deletion.statistics.iter().map(|it| format!("statistics of {} ({})", it.build, it.rule)),
    );
    for (kind, ids) in [
        ("buildsets", joined(deletion.buildsets.iter())),
        ("changes", joined(deletion.changes.iter())),
    ] {
        if !ids.is_empty() {
            parts.push(format!("{kind} {ids}"));
        }
    }
    if !deletion.configs.is_empty() {
        // A digest says nothing to a reader, and changes with every blank.
        parts.push(format!("{} configurations", deletion.configs.len()));
    }
    parts.join("; ")
}

fn applied(by: &str, totals: &Totals) -> String {
    let counts = [
        (totals.builds, "builds"),
        (totals.logs, "logs"),
        (totals.artifacts, "artifacts"),
        (totals.statistics, "statistics"),
        (totals.buildsets, "buildsets"),
        (totals.changes, "changes"),
        (totals.configs, "configurations"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let words: Vec<_> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let by = if by.is_empty() { String::new() } else { format!("for {by}: ") };
    if words.is_empty() { format!("{by}nothing") } else { format!("{by}{}", words.join(", ")) }
}

fn made_of(made: &[Subject]) -> String {
    let one = |subject: &Subject| match subject {
        Subject::Change(id) => format!("change {id}"),
        Subject::Buildset(id) => format!("buildset {id}"),
        Subject::Request(id) => format!("request {id}"),
        other => other.to_string(),
    };
    made.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn ids(changes: &[ChangeId]) -> String {
    if changes.is_empty() { "none".to_owned() } else { joined(changes.iter()) }
}

fn joined<T: ToString>(items: impl Iterator<Item = T>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(",")
}
