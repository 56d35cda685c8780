//! What the master's own machine does: programs of steps, and questions to repositories. It dies with the master, and what
//! it had not told by then is lost.

use std::collections::BTreeMap;

use linn_core::action::Action;
use linn_core::id::CommandId;
use linn_core::input::{Input, Resolution};
use linn_core::model::{Exit, Finished};
use linn_core::time::Timestamp;

use crate::random::Random;

/// Everything that is under way.
#[derive(Default)]
pub(crate) struct Edge {
    /// By command: when it ends, and how.
    programs: BTreeMap<CommandId, (i64, Exit)>,
    /// When each is answered, and what.
    questions: Vec<(i64, Input)>,
}

impl Edge {
    /// When something ends next.
    pub(crate) fn next(&self) -> Option<i64> {
        let programs = self.programs.values().map(|(at, _)| *at);
        programs.chain(self.questions.iter().map(|(at, _)| *at)).min()
    }

    /// The master is gone, and all this with it.
    pub(crate) fn die(&mut self) {
        *self = Self::default();
    }

    /// Does what is ordered, if it is for this machine.
    pub(crate) fn obey(&mut self, action: &Action, now: i64, random: &mut Random) {
        match action {
            Action::RunHere { spec } => {
                let exit = match random.below(10) {
                    0..7 => Exit::Exited(0),
                    7 => Exit::Exited(3),
                    8 => Exit::TimedOut,
                    _ => Exit::NotStarted("there is no such program".to_owned()),
                };
                self.programs.insert(spec.id, (now + 50 + random.ms(4_000), exit));
            }
            Action::EndHere { command, .. } => {
                if let Some((at, exit)) = self.programs.get_mut(command) {
                    (*at, *exit) = (now + random.ms(300), Exit::Interrupted);
                }
            }
            Action::Resolve { buildset, stamps } => {
                let answer = |random: &mut Random| {
                    if random.per_mille(300) {
                        return Err("the repository does not answer".to_owned());
                    }
                    let revision = format!("looked up at {now}");
                    Ok(Resolution { branch: Some("main".to_owned()), revision })
                };
                let answers = stamps.iter().map(|it| (it.codebase.clone(), answer(random)));
                let answers = answers.collect();
                let input =
                    Input::StampsResolved { buildset: *buildset, answers, commits: Vec::new() };
                let at = now + 10 + random.ms(3_000);
                // Now and then somebody answers twice.
                if random.per_mille(100) {
                    self.questions.push((at + random.ms(500), input.clone()));
                }
                self.questions.push((at, input));
            }
            _ => {}
        }
    }

    /// What has ended by now.
    pub(crate) fn live(&mut self, now: i64) -> Option<Input> {
        if let Some(place) = self.questions.iter().position(|(at, _)| *at <= now) {
            return Some(self.questions.remove(place).1);
        }
        let due = |(_, (at, _)): &(&CommandId, &(i64, Exit))| *at <= now;
        let command = *self.programs.iter().find(due)?.0;
        let (_, exit) = self.programs.remove(&command)?;
        let finished = Finished::bare(command, exit, Timestamp(now));
        Some(Input::HereFinished { finished: Box::new(finished) })
    }
}
