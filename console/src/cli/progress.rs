//! What is shown while somebody waits for a buildset: where its builds run, which steps did not go well and how to read
//! their logs, how each build ended. It is told beside the output, for people; scripts have `--json` and the exit code.

use std::collections::BTreeSet;
use std::time::Duration;

use linn_proto::console::{EventsRequest, WaitRequest};
use linn_proto::entity::{Entity, Event, Kind};
use serde_json::{Map, Value};
use tonic::{Status, Streaming};

use super::io::Stop;
use super::json;
use super::session::Session;
use crate::client::{Patience, lost};

/// How long the journal's last line may lag behind the answer that all is over.
const LAG: Duration = Duration::from_secs(2);

/// Waits until a buildset is over, however long, and tells meanwhile what becomes of it. `since`: the journal up to there
/// has been told.
pub(crate) async fn wait(
    session: &mut Session<'_>,
    buildset: u64,
    requests: &[u64],
    since: u64,
) -> Result<Entity, Stop> {
    let request = EventsRequest { since: Some(since), follow: true, ..EventsRequest::default() };
    let mut console = session.master.console();
    let mut told = Told::new(buildset, requests);
    let watched = match console.events(request).await {
        Ok(events) => {
            let reference = buildset.to_string();
            let request = WaitRequest { kind: Kind::Buildset.into(), r#ref: reference };
            let ended = async { console.wait(request).await };
            watch(session, events.into_inner(), &mut told, ended).await?
        }
        Err(status) => Err(status),
    };
    // The link broke: what matters is the end, which is waited for through any number of lost links.
    let mut patience = Patience::endless();
    match watched {
        Ok(ended) => return Ok(ended),
        Err(status) if lost(&status) => session.missed(&mut patience, &status).await?,
        Err(status) => return Err(status.into()),
    }
    session.wait_on(patience, Kind::Buildset, buildset.to_string()).await
}

/// Tells of events until the end. The inner error is the link's.
async fn watch(
    session: &mut Session<'_>,
    mut events: Streaming<Event>,
    told: &mut Told,
    ended: impl Future<Output = Result<tonic::Response<Entity>, Status>>,
) -> Result<Result<Entity, Status>, Stop> {
    let gone = session.io.gone();
    tokio::pin!(ended);
    let ended = loop {
        tokio::select! {
            event = events.message() => match event {
                Ok(Some(event)) => tell(session, told, &event),
                Ok(None) => return Ok(Err(Status::unavailable("the master ended the stream"))),
                Err(status) => return Ok(Err(status)),
            },
            ended = &mut ended => match ended {
                Ok(ended) => break ended.into_inner(),
                Err(status) => return Ok(Err(status)),
            },
            () = gone.wait() => return Err(Stop::PipeClosed),
        }
    };
    let rest = async {
        while !told.over {
            match events.message().await {
                Ok(Some(event)) => tell(session, told, &event),
                Ok(None) | Err(_) => break,
            }
        }
    };
    // Whoever lags that much is not waited for: how it ended is known.
    let _ = tokio::time::timeout(LAG, rest).await;
    Ok(Ok(ended))
}

fn tell(session: &mut Session<'_>, told: &mut Told, event: &Event) {
    if let Some(line) = told.line(event) {
        session.io.tell(&line);
    }
}

/// What has been told so far.
struct Told {
    buildset: String,
    requests: BTreeSet<u64>,
    /// Builds of those requests.
    builds: BTreeSet<String>,
    over: bool,
}

impl Told {
    fn new(buildset: u64, requests: &[u64]) -> Self {
        Self {
            buildset: buildset.to_string(),
            requests: requests.iter().copied().collect(),
            builds: BTreeSet::new(),
            over: false,
        }
    }

    /// What an event is to who waits; `None`: nothing.
    fn line(&mut self, event: &Event) -> Option<String> {
        let fields = json::fields(event);
        let subject = &event.subject;
        match event.kind.as_str() {
            "build_started" if self.is_ours(&fields) => {
                self.builds.insert(subject.clone());
                Some(format!("{subject} begins on {}", text(&fields, "worker")))
            }
            "step_finished" => {
                let (build, _) = subject.rsplit_once('/')?;
                let results = text(&fields, "results");
                let quiet = matches!(results, "SUCCESS" | "SKIPPED" | "");
                if quiet || !self.builds.contains(build) {
                    return None;
                }
                let why = clause(text(&fields, "text"));
                // A step such as a trigger has none.
                let logs = fields.get("logs").and_then(Value::as_array);
                let log = if logs.is_some_and(|logs| !logs.is_empty()) {
                    format!("; its log: linn log {}", quoted(subject))
                } else {
                    String::new()
                };
                Some(format!("{subject} {results}{why}{log}"))
            }
            "build_finished" if self.builds.contains(subject) => {
                let why = clause(text(&fields, "text"));
                Some(format!("{subject} ended: {}{why}", text(&fields, "results")))
            }
            "buildset_finished" => {
                self.over |= *subject == self.buildset;
                None
            }
            _ => None,
        }
    }

    fn is_ours(&self, fields: &Map<String, Value>) -> bool {
        let requests = fields.get("requests").and_then(Value::as_array);
        let mut requests = requests.into_iter().flatten().filter_map(Value::as_u64);
        requests.any(|request| self.requests.contains(&request))
    }
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn clause(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

/// As a shell takes it, when it has a blank or anything else that a shell reads.
fn quoted(subject: &str) -> String {
    let plain = |it: char| it.is_alphanumeric() || "#/_-.".contains(it);
    if subject.chars().all(plain) {
        return subject.to_owned();
    }
    format!("'{}'", subject.replace('\'', "'\\''"))
}
