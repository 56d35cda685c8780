//! Hostile text (security.md 2.3) in every field that comes from outside, through every screen: no cell may hold a
//! character that a terminal obeys.

use linn_proto::{
    common::Property,
    console::{LogLine, LogLines, LogMarksReply},
    entity::{Entity, Notice, Url, entity::Of},
};

use super::{Look, farm, frame, press, snapshots, text, with, world};
use crate::{
    link::LinkEvent, logs::Purpose, message::Message, model::Model, refusal::Refusal, safe,
    update::update,
};

/// One of each class of the table.
const CORPUS: &[&str] = &[
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1b]0;title\x07\x1b[21t",
    "\x1b]8;;file:///etc/passwd\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]50;#1\x07",
    "\x1bP$q\"p\x1b\\",
    "\x1b]4;1;rgb:00/00/00\x07\x1b[?5h",
    "\x1b[2J\x1b[3J\x1b[H\x1b[?1049h",
    "\rPASSED\x08\x08",
    "\x1b[8;1;1t\x1b[3;0;0t",
    "\x1b[?2004l\x1b[201~rm -rf /\n",
    "\x1b[?1000h\x1b[>4;2m\x1b[>1u",
    "\u{9b}2J\u{9d}0;x\u{9c}\u{90}q",
    "\x1b_Gi=1;AAAA\x1b\\\x1b^x\x1b\\\x1bXy\x1b\\",
    "\x1bPtmux;\x1b\x1b]0;x\x07\x1b\\",
    "\x1b]0;unterminated",
    "\x07\x07\x07",
    "a\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "user\u{202e}txt.exe\u{2066}\u{2069}\u{200f}\u{61c}",
    "lin\u{200b}ux\u{200d}\u{2060}\u{feff}\u{ad}\u{e0041}\u{fe0f}",
    "line\nfeed\r\nNUL\0tab\tvt\x0b",
    "\u{2028}\u{2029}\u{85}",
];

/// Everything a farm says, poisoned.
fn poisoned(evil: &str) -> Vec<Entity> {
    let mut entities = world::farm();
    for entity in &mut entities {
        match entity.of.as_mut() {
            Some(Of::Master(one)) => {
                one.title = format!("prod{evil}");
                one.trouble = evil.into();
            }
            Some(Of::Change(one)) => {
                one.author = format!("{evil} <{evil}@x>");
                one.comments = format!("{evil}subject\nbody");
                one.revision = Some(evil.into());
                one.files = vec![evil.into()];
                one.branch = Some(evil.into());
            }
            Some(Of::Builder(one)) => {
                one.description = evil.into();
                one.tags = vec![evil.into()];
                for form in &mut one.forms {
                    form.scheduler = evil.into();
                    for parameter in &mut form.parameters {
                        parameter.label = evil.into();
                        parameter.choices = vec![evil.into()];
                        parameter.regex = evil.into();
                    }
                }
            }
            Some(Of::Worker(one)) => {
                one.version = evil.into();
                one.platform = evil.into();
                one.paused_reason = evil.into();
            }
            Some(Of::Request(one)) => {
                one.reason = evil.into();
                one.owners = vec![evil.into()];
                for wait in &mut one.waits {
                    wait.detail = evil.into();
                    wait.kind =
                        if wait.kind == "quiet_period" { evil.into() } else { wait.kind.clone() };
                }
            }
            Some(Of::Build(one)) => {
                one.text = evil.into();
                one.reason = evil.into();
                one.worker = evil.into();
                one.blamelist = vec![evil.into()];
                one.stop_reason = evil.into();
                one.pin = Some(linn_proto::entity::Pin {
                    reason: evil.into(),
                    by: evil.into(),
                    at_ms: i64::MIN,
                });
                one.properties =
                    vec![Property { name: evil.into(), json: evil.into(), source: evil.into() }];
                for stamp in &mut one.sourcestamps {
                    stamp.branch = Some(evil.into());
                    stamp.revision = Some(evil.into());
                }
                for step in &mut one.steps {
                    step.name = format!("s{evil}");
                    step.text = evil.into();
                    step.command = evil.into();
                    step.urls = vec![Url { name: evil.into(), url: evil.into() }];
                }
            }
            _ => {}
        }
    }
    // Names that are keys of the maps, too.
    for name in ["worker", "builder"] {
        let name = format!("{name}{evil}");
        entities.push(world::entity(match name.starts_with('w') {
            true => Of::Worker(linn_proto::entity::Worker {
                name,
                state: "offline".into(),
                ..Default::default()
            }),
            false => {
                Of::Builder(linn_proto::entity::Builder { name, pending: 1, ..Default::default() })
            }
        }));
    }
    entities
}

fn check(model: &Model, evil: &str, place: &str) {
    for cell in frame(model).content() {
        let bad = cell.symbol().chars().find(|character| safe::is_hostile(*character));
        assert_eq!(bad, None, "{evil:?} on {place}: {:?}\n{}", cell.symbol(), text(&frame(model)));
    }
}

#[test]
fn no_screen_lets_a_control_byte_through() {
    const WAYS: [&str; 15] = [
        "e",
        "3",
        "4",
        "5",
        "6",
        "e enter",
        "e enter p",
        "e enter tab z",
        "?",
        ": o p e n",
        "3 f",
        "4 w",
        "4 x",
        "e r",
        "5 P",
    ];
    for evil in CORPUS {
        for (columns, rows) in [(80, 24), (120, 36)] {
            for keys in WAYS {
                let mut model = with(columns, rows, Look::Colour, poisoned(evil));
                press(&mut model, keys);
                if let Some(id) = model.build.as_ref().map(|screen| screen.build.clone()) {
                    let whole = model.replica.build(&id).expect("it is there").clone();
                    update(&mut model, Message::Whole { build: id, result: Ok(Box::new(whole)) });
                }
                check(&model, evil, keys);
            }
        }
    }
}

#[test]
fn logs_notices_and_refusals_are_safe_too() {
    for evil in CORPUS {
        let mut model = farm(120, 36, Look::Colour);
        press(&mut model, "e l");
        let log = snapshots::red_log();
        let raw = format!("before {evil} after");
        let lines: Vec<LogLine> = (1..=20)
            .map(|number| LogLine { number, text: raw.clone().into_bytes(), ..LogLine::default() })
            .collect();
        let lines = LogLines {
            lines,
            total_lines: 20,
            complete: true,
            footer: (*evil).into(),
            ..LogLines::default()
        };
        update(
            &mut model,
            Message::Lines { log: log.clone(), purpose: Purpose::Show, result: Ok(lines) },
        );
        update(&mut model, Message::Marks { log, result: Ok(LogMarksReply::default()) });
        check(&model, evil, "log");
        press(&mut model, "w t");
        check(&model, evil, "log, wrapped");

        let notice = Notice {
            seq: 50,
            kind: "problem".into(),
            text: (*evil).into(),
            key: "k".into(),
            ..Notice::default()
        };
        let delta =
            linn_proto::console::Delta { seq: 50, notices: vec![notice], ..Default::default() };
        update(&mut model, Message::Link(LinkEvent::Delta(delta)));
        check(&model, evil, "toast");

        press(&mut model, "1 e r y");
        let request_id = model.deeds.pending.last().expect("rebuild was sent").request_id.clone();
        let refusal = Refusal {
            sentence: (*evil).into(),
            why: Some((*evil).into()),
            hint: Some((*evil).into()),
            lost: false,
        };
        update(&mut model, Message::Acted { request_id, result: Err(refusal) });
        check(&model, evil, "refusal");
        let why = (*evil).to_owned();
        update(
            &mut model,
            Message::Link(LinkEvent::Down { why, retry: std::time::Duration::ZERO }),
        );
        check(&model, evil, "link");
        update(&mut model, Message::Paste((*evil).to_owned()));
        check(&model, evil, "paste");
    }
}
