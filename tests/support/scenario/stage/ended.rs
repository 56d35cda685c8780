//! How a command of a scenario ended, and what it said.

use linn_core::model::{
    Artifact, Exit, FinalLog, Finished, Said, Test, TestResult, TestResults, Url,
};

use super::Stage;
use super::words::number;
use crate::scenario::Event;

impl Stage {
    /// How a command ended, of a worker or (`ended b#1 0`) of the master's own machine.
    pub(super) fn finished(&self, event: &Event) -> Result<Finished, String> {
        let command = self.running(event)?;
        let why = |usual: &str| event.get("why").unwrap_or(usual).to_owned();
        let exit = match event.word(1)? {
            "signal" => Exit::Signalled(number(event.word(2)?)?),
            "silent" => Exit::TimedOutSilent,
            "timeout" => Exit::TimedOut,
            "maxlines" => Exit::MaxLines,
            "interrupted" => Exit::Interrupted,
            "notstarted" => Exit::NotStarted(why("no such program")),
            "failed" => Exit::Failed(why("there is no such branch")),
            "refused" => Exit::Refused(why("the secret x has no value yet")),
            "unanswered" => Exit::Unanswered(why("connection refused")),
            "unfit" => Exit::Unfit(why("its disk is full")),
            "lost" => Exit::Lost(why("its process is gone")),
            code => Exit::Exited(number(code)?),
        };
        let count = |name| event.get(name).map(number).transpose().map(Option::unwrap_or_default);
        let log = FinalLog {
            name: "stdio".into(),
            bytes: count("bytes")?,
            lines: count("lines")?,
            dropped: count("dropped")?,
        };
        // A step that counts none has no such log, and nobody asks for its end.
        let warnings = count("warnings")?;
        let copied =
            FinalLog { name: "warnings".into(), bytes: 20 * warnings, lines: warnings, dropped: 0 };
        let mut properties: Vec<(String, serde_json::Value)> =
            event.properties().map(|(name, value)| (name.to_owned(), value.into())).collect();
        for (codebase, revision) in event.with_prefix("got:") {
            let codebase = codebase.trim_end_matches('.');
            properties.push(("got_revision".into(), serde_json::json!({ codebase: revision })));
        }
        Ok(Finished {
            command,
            exit,
            logs: vec![log, copied],
            properties,
            artifacts: event
                .list("files")
                .iter()
                .map(|file| kept(file))
                .collect::<Result<_, _>>()?,
            captured: event.text_of("out").into_bytes(),
            said: said(event)?,
            started_at: None,
            at: self.now,
        })
    }
}

/// What a command said besides its exit: `err=.. warnings=2 stat:size=12 url:docs=https://.. mistakes=1 mistake=..`, and
/// `tests=3 failed=1 skipped=1 failures=a,b trouble=..`.
fn said(event: &Event) -> Result<Said, String> {
    let count = |name| event.get(name).map(number).transpose().map(Option::unwrap_or_default);
    let statistics =
        event.with_prefix("stat:").map(|(name, value)| Ok((name.to_owned(), number(value)?)));
    let urls = event
        .with_prefix("url:")
        .map(|(name, url)| Url { name: name.to_owned(), url: url.to_owned() });
    let failure = |name: String| Test { name, result: TestResult::Failed, duration: None };
    let tests = if event.get("tests").is_some() || event.get("trouble").is_some() {
        let (total, failed, skipped): (u64, u64, u64) =
            (count("tests")?, count("failed")?, count("skipped")?);
        Some(TestResults {
            total,
            passed: total.saturating_sub(failed + skipped),
            failed,
            skipped,
            failures: event.list("failures").into_iter().map(failure).collect(),
            trouble: event.text_of("trouble"),
        })
    } else {
        None
    };
    Ok(Said {
        captured_err: event.text_of("err").into_bytes(),
        warnings: count("warnings")?,
        urls: urls.collect(),
        statistics: statistics.collect::<Result<_, String>>()?,
        tests,
        mistakes: count("mistakes")?,
        first_mistake: event.text_of("mistake"),
    })
}

/// `NAME:BYTES`: a file of an upload.
fn kept(text: &str) -> Result<Artifact, String> {
    let (name, bytes) = text.rsplit_once(':').ok_or_else(|| format!("`{text}` is no file"))?;
    Ok(Artifact { name: name.to_owned(), bytes: number(bytes)?, sha256: "0".repeat(64) })
}
