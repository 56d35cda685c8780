//! The session against a model of a master, over a wire that is cut at any moment.

use proptest::prelude::*;

use super::*;
use linn_proto::worker::{Acked, Drain, Exit, FinalLog, Forget, KillIt, Ping, Refused, Resume};

const WINDOW: u64 = 1 << 20;

fn session() -> Session {
    let greeting =
        Greeting { name: "w".into(), instance: vec![7; 16], info: WorkerInfo::default() };
    Session::new(greeting, WINDOW)
}

fn welcome(held: Vec<HeldAnswer>) -> Input {
    let welcome =
        Welcome { session: 1, epoch: vec![1], held, ping_every_ms: 0, spool_limit_bytes: 99 };
    Input::FromMaster(to_worker::Msg::Welcome(welcome))
}

fn up(held: Vec<HeldAnswer>) -> Session {
    let mut session = session();
    feed(&mut session, [Input::LinkUp, welcome(held)]);
    session
}

fn feed(session: &mut Session, inputs: impl IntoIterator<Item = Input>) -> Vec<Output> {
    let mut out = Vec::new();
    for input in inputs {
        session.handle(input, &mut out);
    }
    out
}

fn start(command: u64) -> Input {
    Input::FromMaster(to_worker::Msg::Start(Start { command, ..Start::default() }))
}

fn spooled(command: u64, to: u64) -> Input {
    Input::Spooled { command: CommandId(command), log: "stdio".into(), to }
}

fn finished(command: u64, bytes: u64) -> Finished {
    let log = FinalLog { name: "stdio".into(), bytes, ..FinalLog::default() };
    Finished { command, exit: Some(Exit::default()), logs: vec![log], ..Finished::default() }
}

fn resume(command: u64, acked: u64) -> HeldAnswer {
    let resume = Resume { acked_to: [("stdio".to_owned(), acked)].into() };
    HeldAnswer { command, answer: Some(held_answer::Answer::Resume(resume)) }
}

fn log_acked(command: u64, durable_to: u64, expected: Option<u64>) -> Input {
    Input::LogAcked(LogAcked { command, log: "stdio".into(), durable_to, expected })
}

fn starts(out: &[Output]) -> usize {
    out.iter().filter(|output| matches!(output, Output::Start(_))).count()
}

fn sent_finished(out: &[Output]) -> usize {
    let is = |output: &&Output| matches!(output, Output::Send(from_worker::Msg::Finished(_)));
    out.iter().filter(is).count()
}

#[test]
fn nothing_is_said_before_the_hello_and_nothing_is_done_before_the_welcome() {
    let mut session = session();
    assert!(feed(&mut session, [start(1)]).is_empty());
    let out = feed(&mut session, [Input::LinkUp, start(1)]);
    assert!(
        matches!(&out[0], Output::Send(from_worker::Msg::Hello(hello)) if hello.protocol == linn_proto::PROTOCOL)
    );
    assert_eq!(starts(&out), 0);
    let out = feed(&mut session, [welcome(vec![]), start(1)]);
    assert_eq!(starts(&out), 1);
    assert!(out.contains(&Output::SpoolLimit(99)));
}

#[test]
fn a_command_id_is_started_once_whatever_comes() {
    let mut session = up(vec![]);
    assert_eq!(starts(&feed(&mut session, [start(1), start(1)])), 1);
    feed(&mut session, [Input::Finished(finished(1, 0))]);
    let acked = Input::FromMaster(to_worker::Msg::Acked(Acked { command: 1 }));
    assert!(feed(&mut session, [acked]).contains(&Output::Forget(CommandId(1))));
    assert_eq!(
        starts(&feed(
            &mut session,
            [start(1), Input::LinkDown, Input::LinkUp, welcome(vec![]), start(1)]
        )),
        0
    );
}

#[test]
fn another_epoch_may_use_the_same_ids() {
    let mut session = up(vec![]);
    feed(&mut session, [start(1), Input::Finished(finished(1, 0))]);
    feed(&mut session, [Input::FromMaster(to_worker::Msg::Acked(Acked { command: 1 }))]);
    let other = Welcome { session: 2, epoch: vec![2], ..Welcome::default() };
    let out = feed(
        &mut session,
        [
            Input::LinkDown,
            Input::LinkUp,
            Input::FromMaster(to_worker::Msg::Welcome(other)),
            start(1),
        ],
    );
    assert_eq!(starts(&out), 1);
}

/// What an agent found in its spool may be of a database that is gone, whose ids the new one gives out again.
#[test]
fn ids_of_what_the_master_does_not_know_may_be_used_again() {
    let forget = HeldAnswer { command: 1, answer: Some(held_answer::Answer::Forget(Forget {})) };
    let kill = HeldAnswer { command: 2, answer: Some(held_answer::Answer::Kill(KillIt {})) };
    let mut session = session();
    let out = feed(
        &mut session,
        [
            Input::Adopted(CommandId(1)),
            Input::Adopted(CommandId(2)),
            Input::LinkUp,
            welcome(vec![forget, kill]),
            Input::Finished(finished(2, 0)),
            Input::FromMaster(to_worker::Msg::Acked(Acked { command: 2 })),
            start(1),
            start(2),
        ],
    );
    assert_eq!(starts(&out), 2, "{out:?}");
}

#[test]
fn an_ack_of_what_still_runs_is_not_believed() {
    let mut session = up(vec![]);
    let acked = Input::FromMaster(to_worker::Msg::Acked(Acked { command: 1 }));
    let out = feed(&mut session, [start(1), acked]);
    assert!(!out.contains(&Output::Forget(CommandId(1))));
    assert_eq!(session.held().count(), 1);
}

#[test]
fn sending_begins_where_the_master_says() {
    let mut session = session();
    feed(&mut session, [Input::Adopted(CommandId(1)), spooled(1, 100), Input::LinkUp]);
    assert_eq!(session.next_push(), None);
    let out = feed(&mut session, [welcome(vec![resume(1, 60)])]);
    assert!(out.contains(&Output::Acked { command: CommandId(1), bytes: 60 }));
    let push = session.next_push().unwrap();
    assert_eq!((push.from, push.to), (60, 100));
    assert_eq!(session.next_push(), None);
    // More than is there cannot be durable anywhere.
    feed(&mut session, [log_acked(1, 5000, None), spooled(1, 130)]);
    assert_eq!(session.next_push().map(|push| (push.from, push.to)), Some((100, 130)));
    // The master lost some: again from there.
    feed(&mut session, [log_acked(1, 20, Some(20))]);
    assert_eq!(session.next_push().map(|push| (push.from, push.to)), Some((20, 130)));
}

#[test]
fn a_fenced_command_is_killed_and_its_log_still_sent() {
    let mut session = session();
    feed(&mut session, [Input::Adopted(CommandId(1)), spooled(1, 10), Input::LinkUp]);
    let kill = HeldAnswer { command: 1, answer: Some(held_answer::Answer::Kill(KillIt {})) };
    let out = feed(&mut session, [welcome(vec![kill])]);
    assert!(out.iter().any(|output| matches!(output, Output::Stop { how: Stop::Kill, .. })));
    assert!(session.next_push().is_some());
    assert_eq!(sent_finished(&feed(&mut session, [Input::Finished(finished(1, 10))])), 1);
}

#[test]
fn a_forgotten_command_is_gone() {
    let mut session = session();
    feed(&mut session, [Input::Adopted(CommandId(1)), spooled(1, 10), Input::LinkUp]);
    let forget = HeldAnswer { command: 1, answer: Some(held_answer::Answer::Forget(Forget {})) };
    assert!(feed(&mut session, [welcome(vec![forget])]).contains(&Output::Forget(CommandId(1))));
    assert_eq!(session.next_push(), None);
    assert_eq!(session.held().count(), 0);
}

#[test]
fn logs_take_turns() {
    let mut session = up(vec![]);
    feed(
        &mut session,
        [start(1), start(2), start(3), spooled(1, WINDOW), spooled(2, 5), spooled(3, 5)],
    );
    let order: Vec<u64> =
        std::iter::from_fn(|| session.next_push()).map(|push| push.command.0).collect();
    assert_eq!(order[..4], [1, 2, 3, 1]);
}

#[test]
fn refusals_and_small_talk() {
    let refused = |r#final| {
        Input::FromMaster(to_worker::Msg::Refused(Refused {
            why: "no".into(),
            r#final,
            retry_after_ms: 5,
        }))
    };
    assert_eq!(
        feed(&mut session(), [Input::LinkUp, refused(true)]).last(),
        Some(&Output::End { why: "no".into() })
    );
    assert_eq!(
        feed(&mut session(), [Input::LinkUp, refused(false)]).last(),
        Some(&Output::Retry { why: "no".into(), after: Duration::from_millis(5) })
    );
    let mut session = up(vec![]);
    let ping = Input::FromMaster(to_worker::Msg::Ping(Ping { nonce: 3 }));
    assert_eq!(
        feed(&mut session, [ping]),
        [Output::Send(from_worker::Msg::Pong(Pong { nonce: 3 }))]
    );
    let drain = Input::FromMaster(to_worker::Msg::Drain(Drain {}));
    assert_eq!(feed(&mut session, [drain]), [Output::Draining]);
}

/// A master that keeps what it gets, behind a wire that loses everything under way when it is cut.
#[derive(Default)]
struct Model {
    /// Bytes of each command's log: only how many, since the offsets must fit without a gap.
    durable: BTreeMap<u64, u64>,
    results: BTreeMap<u64, u32>,
    acked: BTreeSet<u64>,
    started: BTreeMap<u64, u32>,
    /// What each command has printed.
    printed: BTreeMap<u64, u64>,
    ended: BTreeSet<u64>,
    told: BTreeSet<u64>,
}

impl Model {
    /// Does what the session wants; results reach the master only when the wire is kind.
    fn perform(&mut self, out: Vec<Output>, wire: bool) {
        for output in out {
            match output {
                Output::Start(start) => *self.started.entry(start.command).or_default() += 1,
                Output::Send(from_worker::Msg::Finished(finished)) if wire => {
                    *self.results.entry(finished.command).or_default() += 1;
                    self.told.insert(finished.command);
                }
                Output::Forget(id) => {
                    assert!(self.acked.contains(&id.0), "{id} forgotten without an ack");
                }
                _ => {}
            }
        }
    }

    fn answers(&self, out: &[Output]) -> Vec<HeldAnswer> {
        let hello = out.iter().find_map(|output| match output {
            Output::Send(from_worker::Msg::Hello(hello)) => Some(hello),
            _ => None,
        });
        let held = hello.map(|hello| hello.held.clone()).unwrap_or_default();
        let answer = |held: &Held| {
            let id = held.command;
            if self.acked.contains(&id) {
                let forget = Some(held_answer::Answer::Forget(Forget {}));
                return HeldAnswer { command: id, answer: forget };
            }
            resume(id, self.durable.get(&id).copied().unwrap_or(0))
        };
        held.iter().map(answer).collect()
    }
}

#[derive(Debug, Clone)]
enum Act {
    Start(u64),
    Print(u64, u64),
    End(u64),
    Push { arrives: bool },
    AckLog(u64),
    AckResult(u64),
    Cut,
}

fn act() -> impl Strategy<Value = Act> {
    let id = 1_u64..5;
    prop_oneof![
        2 => id.clone().prop_map(Act::Start),
        4 => (id.clone(), 1_u64..600_000).prop_map(|(id, bytes)| Act::Print(id, bytes)),
        2 => id.clone().prop_map(Act::End),
        6 => any::<bool>().prop_map(|arrives| Act::Push { arrives }),
        3 => id.clone().prop_map(Act::AckLog),
        2 => id.prop_map(Act::AckResult),
        2 => Just(Act::Cut),
    ]
}

proptest! {
    #[test]
    fn nothing_is_lost_or_doubled_over_a_wire_that_breaks(acts in prop::collection::vec(act(), 0..120)) {
        let mut session = session();
        let mut model = Model::default();
        // Whether what is sent still arrives: once a piece is lost the connection is dead, as TCP's is.
        let mut wire = true;
        let connect = |session: &mut Session, model: &mut Model| {
            let hello = feed(session, [Input::LinkDown, Input::LinkUp]);
            let answers = model.answers(&hello);
            let out = feed(session, [welcome(answers)]);
            model.perform(out, true);
        };
        connect(&mut session, &mut model);
        for act in acts {
            let runs = |model: &Model, id: &u64| model.started.contains_key(id) && !model.ended.contains(id);
            let out = match act {
                Act::Start(id) if wire => feed(&mut session, [start(id)]),
                Act::Print(id, bytes) if runs(&model, &id) => {
                    let printed = model.printed.entry(id).or_default();
                    *printed += bytes;
                    feed(&mut session, [spooled(id, *printed)])
                }
                Act::End(id) if runs(&model, &id) => {
                    model.ended.insert(id);
                    let bytes = model.printed.get(&id).copied().unwrap_or(0);
                    feed(&mut session, [Input::Finished(finished(id, bytes))])
                }
                Act::Push { arrives } => {
                    if let Some(push) = session.next_push() {
                        prop_assert!(push.to > push.from);
                        prop_assert!(push.to - push.from <= linn_proto::MAX_LOG_PIECE_BYTES as u64);
                        wire &= arrives;
                        if wire {
                            let durable = model.durable.entry(push.command.0).or_default();
                            prop_assert_eq!(push.from, *durable, "gap or repeat within a session");
                            *durable = push.to;
                        }
                    }
                    Vec::new()
                }
                Act::AckLog(id) if wire => {
                    let durable = model.durable.get(&id).copied().unwrap_or(0);
                    feed(&mut session, [log_acked(id, durable, None)])
                }
                // The master acknowledges a result when it has heard it and holds all its bytes.
                Act::AckResult(id)
                    if wire && model.told.contains(&id)
                        && model.durable.get(&id) == model.printed.get(&id) =>
                {
                    model.acked.insert(id);
                    feed(&mut session, [Input::FromMaster(to_worker::Msg::Acked(Acked { command: id }))])
                }
                Act::Cut => {
                    wire = true;
                    connect(&mut session, &mut model);
                    Vec::new()
                }
                _ => Vec::new(),
            };
            model.perform(out, wire);
            prop_assert!(session.in_flight() <= WINDOW);
        }
        // The faults stop: everything must come to its end.
        connect(&mut session, &mut model);
        let started: Vec<u64> = model.started.keys().copied().collect();
        for id in started {
            if !model.ended.contains(&id) {
                model.ended.insert(id);
                let bytes = model.printed.get(&id).copied().unwrap_or(0);
                let out = feed(&mut session, [Input::Finished(finished(id, bytes))]);
                model.perform(out, true);
            }
        }
        while let Some(push) = session.next_push() {
            let id = push.command.0;
            let durable = model.durable.entry(id).or_default();
            prop_assert_eq!(push.from, *durable);
            *durable = push.to;
            feed(&mut session, [log_acked(id, push.to, None)]);
        }
        for (id, printed) in &model.printed {
            prop_assert_eq!(model.durable.get(id), Some(printed));
        }
        for (id, times) in &model.started {
            prop_assert_eq!(*times, 1, "command {} started again", id);
            prop_assert!(model.results.contains_key(id), "the result of {} never came", id);
        }
        for id in model.told.clone() {
            model.acked.insert(id);
            let out = feed(&mut session, [Input::FromMaster(to_worker::Msg::Acked(Acked { command: id }))]);
            model.perform(out, true);
        }
        prop_assert_eq!(session.held().count(), 0);
        prop_assert_eq!(session.in_flight(), 0);
    }
}

fn unreadable(command: u64, from: u64, to: u64) -> Input {
    let push = Push { command: CommandId(command), log: "stdio".into(), from, to };
    Input::Unreadable { push, why: "the disk has a hole".into() }
}

fn told(out: &[Output]) -> Option<&Finished> {
    out.iter().find_map(|output| match output {
        Output::Send(from_worker::Msg::Finished(finished)) => Some(finished),
        _ => None,
    })
}

/// L1: a hole in one log costs its command, and nobody else.
#[test]
fn a_command_whose_log_cannot_be_read_is_killed_and_lost_and_others_go_on() {
    let mut session = up(Vec::new());
    feed(&mut session, [start(1), start(2), spooled(1, 100), spooled(2, 50)]);
    let push = session.next_push().expect("bytes of 1");
    assert_eq!((push.command, push.from, push.to), (CommandId(1), 0, 100));
    let out = feed(&mut session, [unreadable(1, 0, 100), spooled(1, 300)]);
    let kill = |output: &Output| {
        matches!(output, Output::Stop { command: CommandId(1), how: Stop::Kill, .. })
    };
    assert!(out.iter().any(kill), "{out:?}");
    let push = session.next_push().expect("bytes of 2");
    assert_eq!((push.command, push.to), (CommandId(2), 50));
    assert_eq!(session.next_push(), None, "nothing of 1 is tried again");
    let out = feed(&mut session, [Input::Finished(finished(1, 300))]);
    let told = told(&out).expect("its end is told");
    assert_eq!(told.exit.as_ref().map(Exit::ending), Some(Ending::Lost));
    assert_eq!(told.logs[0].bytes, 0);
}

#[test]
fn a_result_told_with_a_length_that_cannot_be_reached_is_told_again_with_the_right_one() {
    let mut session = up(Vec::new());
    feed(&mut session, [start(1), spooled(1, 40), Input::Finished(finished(1, 100))]);
    let push = session.next_push().expect("bytes");
    feed(&mut session, [log_acked(1, 40, None)]);
    assert_eq!(push.to, 100);
    let out = feed(&mut session, [unreadable(1, 40, 100)]);
    assert!(matches!(out.as_slice(), [Output::Retry { .. }]), "{out:?}");
    feed(&mut session, [Input::LinkDown]);
    let out = feed(&mut session, [Input::LinkUp, welcome(vec![resume(1, 40)])]);
    let told = told(&out).expect("its end is told again");
    assert_eq!(
        (told.logs[0].bytes, told.exit.as_ref().map(Exit::ending)),
        (40, Some(Ending::Lost))
    );
    assert_eq!(session.next_push(), None);
    assert_eq!(session.in_flight(), 0);
}
