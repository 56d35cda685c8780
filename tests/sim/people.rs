//! People who want things. Each asking has an id; without an answer the same asking is said again until one comes, and now
//! and then one that was answered is said again all the same: it must be done once, and answered alike (I2, C20).

use std::collections::BTreeMap;

use linn_core::action::Answer;
use linn_core::change::{NewChange, Patch, SourceStamp};
use linn_core::id::{BuildRef, Token};
use linn_core::input::{Asking, Input, WorkerVerb};
use linn_core::master::Master as Core;
use linn_core::model::Build;

use crate::random::Random;
use crate::site::{BUILDERS, CLOCKS, REPOSITORY, WORKERS};

/// How long nobody asks for anything new, at most.
const PAUSE: u64 = 3_000;

/// Something somebody wants.
struct Errand {
    input: Input,
    /// When it is said next.
    at: i64,
    answer: Option<Answer>,
}

/// Everybody.
#[derive(Default)]
pub(crate) struct People {
    errands: Vec<Errand>,
    /// Those without an answer yet.
    open: Vec<usize>,
    tokens: BTreeMap<Token, usize>,
    next_wish: i64,
    /// Askings said once more after their answer.
    pub(crate) asked_again: usize,
}

impl People {
    /// When somebody says something next; new wishes only while there are any.
    pub(crate) fn next(&self, wishing: bool) -> Option<i64> {
        let open = self.open.iter().map(|errand| self.errands[*errand].at);
        open.chain(wishing.then_some(self.next_wish)).min()
    }

    /// Whether somebody still waits for an answer.
    pub(crate) fn wait(&self) -> bool {
        !self.open.is_empty()
    }

    /// What is said now, if anything. `core`: what they can see, if it is up.
    pub(crate) fn say(
        &mut self,
        now: i64,
        wishing: bool,
        core: Option<&Core>,
        random: &mut Random,
    ) -> Option<Input> {
        if wishing && self.next_wish <= now {
            self.next_wish = now + 50 + random.ms(PAUSE);
            let answered = self.errands.len() - self.open.len();
            if answered > 0 && random.per_mille(100) {
                let errand = random.place(self.errands.len());
                let again = !self.open.contains(&errand);
                self.asked_again += usize::from(again);
                return again.then(|| self.speak(errand));
            }
            let input = wish(self.asking(), core, random);
            self.want(now, input);
        }
        let due = self.open.iter().find(|errand| self.errands[**errand].at <= now);
        let errand = *due?;
        self.errands[errand].at = now + 200 + random.ms(2_000);
        Some(self.speak(errand))
    }

    /// Somebody takes every worker's hold away, and stops the clocks, so that everything can end.
    pub(crate) fn settle(&mut self, now: i64) {
        for scheduler in CLOCKS {
            let (asking, scheduler) = (self.asking(), scheduler.into());
            self.want(now, Input::SchedulerControlled { asking, scheduler, enabled: false });
        }
        for worker in WORKERS {
            let (asking, reason) = (self.asking(), String::new());
            let (worker, verb) = (worker.into(), WorkerVerb::Resume);
            self.want(now, Input::WorkerControlled { asking, worker, verb, reason });
        }
    }

    /// An answer has arrived.
    pub(crate) fn hear(&mut self, token: Token, answer: &Answer) -> Result<(), String> {
        let errand = *self.tokens.get(&token).ok_or("nobody asked that")?;
        self.open.retain(|open| *open != errand);
        let errand = &mut self.errands[errand];
        match errand.answer.replace(answer.clone()) {
            Some(before) if !matches!(before, Answer::Refused(_)) && before != *answer => {
                Err(format!("asked twice, answered differently: {before:?} then {answer:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Everything that was answered, with the answer.
    pub(crate) fn answered(&self) -> impl Iterator<Item = (&Input, &Answer)> {
        self.errands.iter().filter_map(|errand| Some((&errand.input, errand.answer.as_ref()?)))
    }

    /// Who asks next: the id is the errand's.
    fn asking(&self) -> Asking {
        let request_id = format!("asking {}", self.errands.len());
        Asking { token: Token(0), request_id, who: "kim".into() }
    }

    fn want(&mut self, at: i64, input: Input) {
        self.open.push(self.errands.len());
        self.errands.push(Errand { input, at, answer: None });
    }

    /// Says an errand's input with a token of its own.
    fn speak(&mut self, errand: usize) -> Input {
        let token = Token(self.tokens.len() as u64 + 1);
        self.tokens.insert(token, errand);
        let mut input = self.errands[errand].input.clone();
        match &mut input {
            Input::ChangesSubmitted { asking, .. }
            | Input::ForceRequested { asking, .. }
            | Input::TryRequested { asking, .. }
            | Input::RebuildRequested { asking, .. }
            | Input::StopRequested { asking, .. }
            | Input::CancelRequested { asking, .. }
            | Input::PriorityRequested { asking, .. }
            | Input::SchedulerControlled { asking, .. }
            | Input::WorkerControlled { asking, .. } => asking.token = token,
            _ => {}
        }
        input
    }
}

/// Something new that somebody wants, of what they see; now and then it is a mistake.
fn wish(asking: Asking, core: Option<&Core>, random: &mut Random) -> Input {
    let builds: Vec<&Build> = core.iter().flat_map(|core| core.state().builds()).collect();
    let requests: Vec<_> = core.iter().flat_map(|core| core.state().requests()).collect();
    let reason = asking.request_id.clone();
    match random.below(100) {
        0..8 if !builds.is_empty() => {
            let build = builds[random.place(builds.len())].reference();
            Input::StopRequested { asking, build, reason, kill: random.per_mille(300) }
        }
        8..14 if !requests.is_empty() => {
            let request = requests[random.place(requests.len())].id;
            Input::CancelRequested { asking, request, reason }
        }
        14..20 if !requests.is_empty() => {
            let request = requests[random.place(requests.len())].id;
            let priority = i32::try_from(random.below(5)).expect("small") - 2;
            Input::PriorityRequested { asking, request, priority }
        }
        20..27 if !builds.is_empty() => {
            let build = builds[random.place(builds.len())].clone();
            Input::RebuildRequested {
                asking,
                named: build.reference().to_string(),
                build: Some(Box::new(build)),
                asked_for: None,
                latest: None,
                commits: Vec::new(),
                reason,
            }
        }
        27..37 => Input::WorkerControlled {
            asking,
            worker: WORKERS[random.place(WORKERS.len())].into(),
            verb: [WorkerVerb::Pause, WorkerVerb::Drain, WorkerVerb::Resume, WorkerVerb::Resume]
                [random.place(4)],
            reason,
        },
        37..62 => {
            let changes = (0..1 + random.below(3)).map(|_| change(random)).collect();
            Input::ChangesSubmitted { asking, changes, commits: Vec::new() }
        }
        62..68 => mistake(asking, random),
        68..72 => Input::SchedulerControlled {
            asking,
            scheduler: CLOCKS[random.place(CLOCKS.len())].into(),
            enabled: random.per_mille(600),
        },
        72..76 => try_(asking, random),
        _ => force(asking, BUILDERS[random.place(BUILDERS.len())], random),
    }
}

fn force(asking: Asking, builder: &str, random: &mut Random) -> Input {
    let reason = asking.request_id.clone();
    Input::ForceRequested {
        asking,
        builders: vec![builder.into()],
        scheduler: None,
        stamps: Vec::new(),
        commits: Vec::new(),
        properties: BTreeMap::new(),
        reason,
        priority: Some(i32::try_from(random.below(3)).expect("small")),
        external_id: String::new(),
    }
}

/// A patch that is on no branch.
fn try_(asking: Asking, random: &mut Random) -> Input {
    let comment = asking.request_id.clone();
    let patch = Patch {
        level: 1,
        diff: "--- a/x\n+++ b/x\n".to_owned(),
        author: "kim".to_owned(),
        comment: comment.clone(),
        subdir: String::new(),
    };
    let stamp = SourceStamp {
        codebase: "app".into(),
        repository: REPOSITORY.to_owned(),
        project: String::new(),
        branch: Some("main".to_owned()),
        revision: Some(format!("h{}", random.below(60))),
        requested: None,
        patch: Some(patch),
        changes: Vec::new(),
    };
    Input::TryRequested {
        asking,
        builders: Vec::new(),
        scheduler: None,
        stamps: vec![stamp],
        commits: Vec::new(),
        properties: BTreeMap::new(),
        comment,
        external_id: String::new(),
    }
}

/// A hook's change. Few keys, so that the same change is told more than once.
fn change(random: &mut Random) -> NewChange {
    let number = random.below(60);
    let branch = ["main", "dev", "topic"][random.place(3)];
    NewChange {
        key: Some(format!("hook {number}")),
        author: ["ana", "bob", "cyd"][random.place(3)].into(),
        branch: Some(branch.into()),
        revision: Some(format!("h{number}")),
        repository: REPOSITORY.into(),
        files: vec![if random.per_mille(300) { "doc/a" } else { "src/a" }.into()],
        ..NewChange::default()
    }
}

/// Something that cannot be done.
fn mistake(asking: Asking, random: &mut Random) -> Input {
    let reason = "by mistake".to_owned();
    match random.below(4) {
        0 => force(asking, "nobody", random),
        1 => {
            let build = BuildRef { builder: "a".into(), number: 9_999 };
            Input::StopRequested { asking, build, reason, kill: false }
        }
        2 => {
            let (worker, verb) = ("nobody".into(), WorkerVerb::Pause);
            Input::WorkerControlled { asking, worker, verb, reason }
        }
        _ => Input::RebuildRequested {
            asking,
            build: None,
            asked_for: None,
            named: "a#9999".into(),
            latest: None,
            commits: Vec::new(),
            reason,
        },
    }
}
