//! `linn plan` and `linn reload` at the door: what is asked becomes a reload or a look ahead, and its outcome wire data.

use linn_proto::control as wire;
use tonic::Status;

use super::{Doors, gone, status};
use crate::config::Problem;
use crate::reload::{Outcome, Refused};

/// Answers one. Mistakes of the configuration are an answer, with their places; everything else that stands in the way is a
/// refusal.
pub(super) async fn answer(
    doors: &Doors,
    who: String,
    request: wire::ReconfigureRequest,
) -> Result<wire::Reconfigured, Status> {
    let reloader = &doors.reloader;
    let texts: Vec<_> = request.texts.into_iter().map(|text| (text.name, text.text)).collect();
    if !request.dry_run && !texts.is_empty() {
        return Err(status::mistake("a master follows its own file; texts are for a dry run"));
    }
    let outcome = match (request.dry_run, texts.is_empty()) {
        (false, _) => reloader.reload(&who).await,
        (true, true) => reloader.plan(None).await,
        (true, false) => reloader.plan(Some(texts)).await,
    };
    let file = reloader.file();
    let seq = doors.hub.seq();
    match outcome {
        Ok(outcome) => Ok(told(outcome, file, seq)),
        Err(Refused::Bad(problems)) => Ok(wire::Reconfigured {
            seq,
            file,
            problems: problems.0.into_iter().map(problem).collect(),
            ..wire::Reconfigured::default()
        }),
        Err(Refused::Busy) => {
            Err(status::not_now(Refused::Busy.to_string(), "", "ask again in a moment"))
        }
        Err(Refused::Gone(why)) => Err(gone(&why)),
    }
}

fn told(outcome: Outcome, file: String, seq: u64) -> wire::Reconfigured {
    let differences = outcome.differences.into_iter().map(|it| wire::Difference {
        sign: it.sign.sign().to_owned(),
        kind: it.kind.to_owned(),
        name: it.name,
        details: it.details,
    });
    wire::Reconfigured {
        seq,
        applied: outcome.applied,
        differences: differences.collect(),
        problems: Vec::new(),
        notes: outcome.notes,
        file,
        digest: outcome.digest.to_string(),
    }
}

fn problem(problem: Problem) -> wire::ConfigProblem {
    let Problem { file, line, column, message, hint } = problem;
    wire::ConfigProblem { file, line, column, message, hint }
}
