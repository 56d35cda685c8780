//! The life of one source: look, tell, wait, again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use linn_core::id::SourceName;
use linn_core::input::{Asking, Input};
use linn_core::time::Span;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::intake::{Ended, Intake};
use super::look::{Look, Pace, Portion, SLOWEST};
use super::status::{Board, SourceState};
use super::turn::digest;

/// A source's task.
pub(super) struct Task<I, L> {
    pub(super) name: SourceName,
    pub(super) interval: Span,
    /// A source that cannot even be addressed fails at each look, with that sentence.
    pub(super) looks: Result<L, String>,
    /// Whose graph its commits are of; may be empty.
    pub(super) repository: String,
    pub(super) intake: I,
    pub(super) asked: mpsc::Receiver<Option<Asking>>,
    pub(super) board: Arc<Board>,
}

/// How a look ended.
enum Looked {
    Well,
    Badly(String),
}

impl<I: Intake, L: Look> Task<I, L> {
    /// Goes on until the engine ends or nobody holds the source any more.
    pub(super) async fn run(mut self) {
        let mut failures = 0_u32;
        let mut asking = None;
        loop {
            self.board.polling();
            let state = match self.look(&mut asking).await {
                Ok(Looked::Well) => {
                    failures = 0;
                    SourceState::Idle
                }
                Ok(Looked::Badly(why)) => {
                    if failures == 0 {
                        tracing::warn!(source = %self.name, why, "cannot look at a change source");
                    }
                    failures = failures.saturating_add(1);
                    SourceState::Failing
                }
                Err(Ended::NotWritten(why)) => {
                    tracing::warn!(source = %self.name, why, "a look could not be written down");
                    // Handed in with an input, the engine has answered it; else nobody else will.
                    if let Some(asking) = asking.take() {
                        self.intake.turn_away(&asking, why);
                    }
                    failures = failures.saturating_add(1);
                    SourceState::Failing
                }
                Err(Ended::Ending) => return,
            };
            let pause = self.pause(failures);
            let now = self.intake.now();
            let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
            self.board.waiting(state, now, now + Span(pause_ms));
            match timeout(pause, self.asked.recv()).await {
                Ok(Some(asked)) => asking = asked,
                Ok(None) => return,
                Err(_) => {}
            }
        }
    }

    /// Looks once and tells what was found. The asking is taken by the input that goes with it; it stays when there was none.
    async fn look(&self, asking: &mut Option<Asking>) -> Result<Looked, Ended> {
        let cursor = self.intake.cursor(&self.name).await?;
        let failed = match &self.looks {
            Err(why) => why.clone(),
            Ok(looks) => match self.tell(looks, &cursor, asking).await? {
                Looked::Well => return Ok(Looked::Well),
                Looked::Badly(why) => why,
            },
        };
        // The same sentence again is no news, unless somebody waits for it.
        if asking.is_some() || cursor.error.as_ref() != Some(&failed) {
            let (source, asking) = (self.name.clone(), asking.take());
            let input = Input::SourceFailed { source, asking, error: failed.clone() };
            self.intake.settle(input).await?;
        }
        Ok(Looked::Badly(failed))
    }

    async fn tell(
        &self,
        looks: &L,
        cursor: &linn_core::state::SourceCursor,
        asking: &mut Option<Asking>,
    ) -> Result<Looked, Ended> {
        let mut plan = match looks.look(cursor).await {
            Ok(Some(plan)) => plan,
            Ok(None) => {
                // Nothing is new; but somebody waits to hear that, or has to hear that it works again.
                if asking.is_some() || cursor.error.is_some() {
                    let nothing = Portion {
                        changes: Vec::new(),
                        tips: cursor.tips.clone(),
                        commits: Vec::new(),
                    };
                    self.hand_in(nothing, asking.take()).await?;
                }
                return Ok(Looked::Well);
            }
            Err(why) => return Ok(Looked::Badly(why)),
        };
        let mut held = match looks.next(&mut plan).await {
            Ok(first) => first,
            Err(why) => return Ok(Looked::Badly(why)),
        };
        while let Some(portion) = held {
            // Only the last portion answers who asked (C40), so one is read ahead.
            held = match looks.next(&mut plan).await {
                Ok(next) => next,
                Err(why) => {
                    self.hand_in(portion, None).await?;
                    // What went wrong first is told; what is left undone is found by the next look.
                    let _ = looks.stored(&mut plan).await;
                    return Ok(Looked::Badly(why));
                }
            };
            let answer = if held.is_none() { asking.take() } else { None };
            self.hand_in(portion, answer).await?;
            if let Err(why) = looks.stored(&mut plan).await {
                return Ok(Looked::Badly(why));
            }
        }
        Ok(Looked::Well)
    }

    async fn hand_in(&self, portion: Portion, asking: Option<Asking>) -> Result<(), Ended> {
        let Portion { changes, tips, commits } = portion;
        let commits = (self.repository.clone(), commits);
        let tips: BTreeMap<String, String> = tips;
        self.intake
            .settle(Input::SourcePolled {
                source: self.name.clone(),
                asking,
                changes,
                tips,
                commits,
            })
            .await
    }

    fn pause(&self, failures: u32) -> Duration {
        let usual = Pace { remote: false, slowest: SLOWEST };
        let pace = self.looks.as_ref().map_or(usual, L::pace);
        pause(self.interval, failures, pace, self.name.as_str())
    }
}

/// Until the next look: the interval, twice as long for each failure up to a bound, and for other people's machines a tenth
/// more or less, so that not everybody asks them at the same moment. How much is the source's own, by its name.
pub(super) fn pause(interval: Span, failures: u32, pace: Pace, name: &str) -> Duration {
    let interval = Duration::from_millis(interval.millis().max(1000).unsigned_abs());
    let pause = interval.saturating_mul(1 << failures.min(16)).min(pace.slowest.max(interval));
    if pace.remote { pause.mul_f64(0.9 + 0.2 * share(name)) } else { pause }
}

/// Some number from 0 to 1 that is a name's own: nothing depends on how even it is.
fn share(name: &str) -> f64 {
    let digits = digest(name);
    f64::from(u16::from_str_radix(&digits[..4], 16).unwrap_or(0)) / f64::from(u16::MAX)
}
