//! `linn force`: builds by hand.

use clap::Args;
use linn_proto::control::{Accepted, CodebaseChoice, ForceRequest};
use linn_proto::entity::{Buildset, Kind};

use super::io::Stop;
use super::session::{Door, Session, VERB_PATIENCE};
use super::{Done, ExitCode, json, outcome, paint, pairs, progress, unpack};
use crate::client::{ClientError, Master, Patience, request_id};

pub(crate) const EXAMPLE: &str = "Example:\n  \
    linn force linux mac --branch main --reason 'try the new compiler' --wait\n\n\
    Prints `request ID BUILDER` for each builder. With --wait the exit code is 0 for SUCCESS and WARNINGS, 1 otherwise.";

/// `linn force`.
#[derive(Debug, Args)]
pub struct Force {
    /// The builders; with --scheduler none need be named: then all of its own
    #[arg(required_unless_present = "scheduler", value_name = "BUILDER")]
    builders: Vec<String>,
    /// The branch of the only codebase [default: the default branch]
    #[arg(long, value_name = "B")]
    branch: Option<String>,
    /// The revision of the only codebase [default: the tip of the branch]
    #[arg(long, value_name = "R")]
    revision: Option<String>,
    /// What to build of one codebase of several; give it once for each
    #[arg(long = "codebase", value_name = "C:BRANCH[@REVISION]", value_parser = choice, conflicts_with_all = ["branch", "revision"])]
    codebases: Vec<CodebaseChoice>,
    /// A parameter of the force scheduler, or any property; commas between the values of a list
    #[arg(long = "property", value_name = "K=V", value_parser = pairs::pair)]
    properties: Vec<(String, String)>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Higher goes first [default: the force scheduler's]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Your own name for it, by which `linn buildsets --external-id` finds it
    #[arg(long, value_name = "X", default_value = "", hide_default_value = true)]
    external_id: String,
    /// The force scheduler [default: the first that has all the builders]
    #[arg(long, value_name = "S")]
    scheduler: Option<String>,
    /// Wait until all of it is finished
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(force: Force, at: Door<'_>) -> Done {
    if !force.reason.is_empty() && force.properties.iter().any(|(name, _)| name == "reason") {
        return Err(ClientError::usage("the reason is given twice")
            .why("--reason fills the parameter `reason`, and so does --property reason=")
            .into());
    }
    let request = ForceRequest {
        request_id: request_id(),
        builders: force.builders,
        scheduler: force.scheduler.unwrap_or_default(),
        branch: force.branch,
        revision: force.revision,
        codebases: force.codebases,
        properties: pairs::map(force.properties)?,
        reason: force.reason,
        priority: force.priority,
        external_id: force.external_id,
    };
    let mut session = at.open().await?;
    let patience = if force.wait { Patience::endless() } else { Patience::at_most(VERB_PATIENCE) };
    let accepted = session
        .persist(patience, async |master: &Master| master.control().force(request.clone()).await)
        .await?;
    finish(&mut session, &accepted, force.wait).await
}

/// So many lines of the journal before an answer may be of the commit that it answers.
const SAME_COMMIT: u64 = 200;

/// What `force` and `rebuild` do once the master has said yes (C1).
pub(crate) async fn finish(session: &mut Session<'_>, accepted: &Accepted, wait: bool) -> Done {
    let made = unpack::made(session, accepted, Kind::Buildset).await?;
    let buildset = unpack::buildset(made.clone())?;
    if !session.json {
        print_requests(session, accepted, &buildset).await?;
        session.io.flush()?;
    }
    if !wait {
        if session.json {
            session.io.json(&json::entity(&made))?;
        }
        return Ok(ExitCode::DONE);
    }
    let ended = if session.json {
        session.wait(Kind::Buildset, buildset.id.to_string()).await?
    } else {
        // The build may have begun in the commit that took the asking.
        let since = accepted.seq.saturating_sub(SAME_COMMIT);
        progress::wait(session, buildset.id, &buildset.requests, since).await?
    };
    let results = unpack::results(&ended);
    if session.json {
        session.io.json(&json::entity(&ended))?;
    } else {
        let word = paint::word(results).unwrap_or("without a result");
        session.io.tell(&format!("buildset {} ended: {word}", buildset.id));
    }
    Ok(outcome::exit_code(results))
}

async fn print_requests(
    session: &mut Session<'_>,
    accepted: &Accepted,
    buildset: &Buildset,
) -> Result<(), Stop> {
    for &id in &buildset.requests {
        let told = accepted.entities.iter().cloned().filter_map(|one| unpack::request(one).ok());
        let request = match told.into_iter().find(|request| request.id == id) {
            Some(request) => request,
            None => unpack::request(session.get(Kind::Request, &id.to_string()).await?)?,
        };
        let builder = crate::safe::text(&request.builder).into_owned();
        session.io.line(&format!("request {id} {builder}"))?;
    }
    Ok(())
}

/// `C:BRANCH[@REVISION]` (C43). The last `@` counts, since branches may hold one and revisions do not.
fn choice(text: &str) -> Result<CodebaseChoice, String> {
    let Some((codebase, rest)) = text.split_once(':') else {
        return Err("write CODEBASE:BRANCH or CODEBASE:BRANCH@REVISION".to_owned());
    };
    let (branch, revision) = match rest.rsplit_once('@') {
        Some((branch, revision)) => (branch, revision),
        None => (rest, ""),
    };
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(CodebaseChoice {
        codebase: codebase.to_owned(),
        branch: given(branch),
        revision: given(revision),
        repository: None,
        project: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codebases() {
        for (text, codebase, branch, revision) in [
            ("lib:main", "lib", Some("main"), None),
            ("lib:main@9f2c", "lib", Some("main"), Some("9f2c")),
            ("lib:user@home@9f2c", "lib", Some("user@home"), Some("9f2c")),
            ("lib:@9f2c", "lib", None, Some("9f2c")),
            (":main", "", Some("main"), None),
            ("lib:", "lib", None, None),
        ] {
            let choice = choice(text).expect(text);
            assert_eq!(choice.codebase, codebase, "{text}");
            assert_eq!(choice.branch.as_deref(), branch, "{text}");
            assert_eq!(choice.revision.as_deref(), revision, "{text}");
        }
        assert!(choice("main").is_err());
    }
}
