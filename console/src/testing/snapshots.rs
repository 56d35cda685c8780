//! Every screen as text, at 80×24 and 120×36, in Unicode and ASCII, empty, normal and stale; colours by assertion.

use std::time::Duration;

use linn_proto::{
    common::Results,
    console::{LogLine, LogLines, LogMarksReply},
    entity::entity::Of,
};
use ratatui::style::{Color, Modifier};

use super::{Look, farm, frame, fresh, press, text, with, world};
use crate::{
    link::LinkEvent,
    logs::{LogRef, Purpose},
    message::Message,
    model::Model,
    replica::BuildRef,
    update::update,
};

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 36)];

fn snapshot(name: &str, model: &Model) {
    let (columns, rows) = model.size;
    let ascii = if model.glyphs.ascii { "-ascii" } else { "" };
    insta::assert_snapshot!(format!("{name}-{columns}x{rows}{ascii}"), text(&frame(model)));
}

/// Every look of every size.
fn everywhere(name: &str, make: impl Fn(u16, u16, Look) -> Model) {
    for (columns, rows) in SIZES {
        for look in [Look::Colour, Look::Ascii] {
            snapshot(name, &make(columns, rows, look));
        }
    }
}

pub(super) fn log_lines(from: u64, count: u64) -> LogLines {
    let text = world::log_text();
    let lines: Vec<&[u8]> =
        text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let wanted = (from..from + count).filter_map(|number| {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let at_ms = world::NOW - 180_000 + i64::try_from(number).ok()? * 100;
        Some(LogLine { number, at_ms, text: lines.get(index)?.to_vec(), cut: false, err: false })
    });
    LogLines {
        lines: wanted.collect(),
        total_lines: lines.len() as u64,
        total_bytes: text.len() as u64,
        complete: true,
        ..LogLines::default()
    }
}

pub(super) fn red_log() -> LogRef {
    LogRef { build: BuildRef::new("linux-dbg", 377), step: 3, name: "stdio".into() }
}

/// The log of the red build, at its first error: two keys from the waterfall.
pub(super) fn open_log(model: &mut Model) {
    press(model, "e l");
    let errors = vec![701, 1100];
    let warnings = vec![679, 776];
    let marks = LogMarksReply { errors, warnings, total_lines: 1200, marked_to: 1200 };
    update(model, Message::Marks { log: red_log(), result: Ok(marks) });
    for from in [945, 600, 690] {
        let result = Ok(log_lines(from, 256));
        update(model, Message::Lines { log: red_log(), purpose: Purpose::Show, result });
    }
}

/// The red build with its properties and the lines at its error.
pub(super) fn open_build(model: &mut Model) {
    press(model, "e enter");
    let whole =
        model.replica.build(&BuildRef::new("linux-dbg", 377)).expect("the farm has it").clone();
    update(
        model,
        Message::Whole { build: BuildRef::new("linux-dbg", 377), result: Ok(Box::new(whole)) },
    );
    let marks = LogMarksReply {
        errors: vec![701, 1100],
        warnings: vec![],
        total_lines: 1200,
        marked_to: 1200,
    };
    update(model, Message::Marks { log: red_log(), result: Ok(marks) });
    let result = Ok(log_lines(699, 60));
    update(model, Message::Lines { log: red_log(), purpose: Purpose::Tail, result });
}

fn pressed(keys: &'static str) -> impl Fn(u16, u16, Look) -> Model {
    move |columns, rows, look| {
        let mut model = farm(columns, rows, look);
        press(&mut model, keys);
        model
    }
}

#[test]
fn waterfall() {
    everywhere("waterfall", farm);
    everywhere("waterfall-red", pressed("e"));
    snapshot("waterfall-flipped", &pressed("e t")(80, 24, Look::Colour));
    snapshot("waterfall-compact", &pressed("= =")(80, 24, Look::Colour));
    snapshot("waterfall-zoomed", &pressed("+")(120, 36, Look::Colour));
    snapshot("waterfall-large", &farm(240, 70, Look::Colour));
    snapshot("waterfall-least", &farm(60, 15, Look::Colour));
}

#[test]
fn short_builds_share_rows_and_one_builder_has_room() {
    let mut entities = vec![world::farm().remove(0)];
    let name = "linn".to_owned();
    let builder = linn_proto::entity::Builder { name, ..Default::default() };
    entities.push(world::entity(Of::Builder(builder)));
    for number in 1..=12_u32 {
        let ended = world::NOW - i64::from(13 - number) * 4_000;
        let results = if number == 9 { Results::Failure } else { Results::Success };
        let build = world::build("linn", number, ended - 2_500, Some(ended), results);
        entities.push(world::entity(Of::Build(build)));
    }
    entities.push(world::entity(Of::Build(world::build(
        "linn",
        13,
        world::NOW - 3_000,
        None,
        Results::Unspecified,
    ))));
    let mut model = with(80, 24, Look::Colour, entities);
    snapshot("waterfall-short", &model);
    press(&mut model, "e");
    snapshot("waterfall-short-red", &model);
}

/// A builder with two workers builds two things at a time: both are seen, with their steps, and so is a third.
#[test]
fn builds_that_overlap_stand_side_by_side() {
    let entities = || {
        let mut entities = vec![world::farm().remove(0)];
        for (name, times) in [
            ("lin-a", [(20, Some(14)), (18, Some(9)), (8, None), (6, None)]),
            ("lin-b", [(20, Some(17)), (16, Some(12)), (11, Some(3)), (10, Some(5))]),
        ] {
            let builder = linn_proto::entity::Builder { name: name.into(), ..Default::default() };
            entities.push(world::entity(Of::Builder(builder)));
            for (number, (began, ended)) in (1_u32..).zip(times) {
                let at = |minutes: i64| world::NOW - minutes * 60_000;
                let results = match (number, ended) {
                    (_, None) => Results::Unspecified,
                    (2, _) => Results::Failure,
                    _ => Results::Success,
                };
                let build = world::build(name, number, at(began), ended.map(at), results);
                entities.push(world::entity(Of::Build(build)));
            }
        }
        entities
    };
    let mut model = with(80, 24, Look::Colour, entities());
    snapshot("waterfall-overlap", &model);
    press(&mut model, "e");
    snapshot("waterfall-overlap-red", &model);
    press(&mut model, "= =");
    snapshot("waterfall-overlap-compact", &model);
}

#[test]
fn lists() {
    everywhere("builders", pressed("3"));
    everywhere("queue", pressed("4"));
    everywhere("workers", pressed("5"));
    snapshot("builders-filtered", &pressed("3 / l i n u x enter")(80, 24, Look::Colour));
    for number in ["2", "6", "7", "8", "9", "0"] {
        let mut model = farm(80, 24, Look::Colour);
        press(&mut model, number);
        snapshot(&format!("later-{number}"), &model);
    }
}

#[test]
fn build() {
    everywhere("build", |columns, rows, look| {
        let mut model = farm(columns, rows, look);
        open_build(&mut model);
        model
    });
    let mut running = farm(80, 24, Look::Colour);
    press(&mut running, "right right enter");
    snapshot("build-running", &running);
    press(&mut running, "tab z");
    snapshot("build-zoomed", &running);
}

#[test]
fn log() {
    everywhere("log", |columns, rows, look| {
        let mut model = farm(columns, rows, look);
        open_log(&mut model);
        model
    });
    let mut model = farm(80, 24, Look::Colour);
    open_log(&mut model);
    press(&mut model, "t w");
    snapshot("log-times-wrapped", &model);
    press(&mut model, "/ a");
    snapshot("log-search", &model);
}

#[test]
fn popups() {
    everywhere("help", pressed("?"));
    everywhere("palette", pressed(": r e"));
    everywhere("force", pressed("3 f"));
    snapshot("stop", &pressed("right right x")(80, 24, Look::Colour));
    snapshot("rebuild", &pressed("e r")(80, 24, Look::Colour));
    snapshot("cancel", &pressed("4 x")(80, 24, Look::Ascii));
    snapshot("worker", &pressed("5 P")(80, 24, Look::Colour));
    snapshot("why", &pressed("4 w")(80, 24, Look::Colour));
    // In the smallest terminal every dialog keeps its ways and its buttons.
    for (name, keys) in [("stop", "right right x"), ("cancel", "4 x"), ("worker", "5 P")] {
        let mut model = farm(60, 15, Look::Colour);
        press(&mut model, keys);
        let shown = text(&frame(&model));
        assert!(shown.contains("[ Cancel ]") && shown.contains("reason"), "{name}\n{shown}");
        snapshot(name, &model);
    }
    snapshot("help-search", &pressed("? r e b")(80, 24, Look::Colour));
    let mut owner = farm(80, 24, Look::Colour);
    owner.options.owns_master = true;
    press(&mut owner, "q");
    snapshot("quit", &owner);
}

/// The reasons change while somebody reads them.
#[test]
fn why_is_told_as_it_is_now() {
    let mut model = pressed("4 w")(80, 24, Look::Colour);
    let Some(id) = model.selection().request else { panic!("a request is selected") };
    let mut request = model.replica.requests[&id].clone();
    let told = |request: &linn_proto::entity::BuildRequest, model: &mut Model, seq| {
        let upserts = vec![world::entity(Of::Request(request.clone()))];
        let delta = linn_proto::console::Delta { seq, upserts, ..Default::default() };
        update(model, Message::Link(LinkEvent::Delta(delta)));
        text(&frame(model))
    };
    request.waits[0].kind = "worker_paused".into();
    request.waits[0].detail = "w-new-07".into();
    let shown = told(&request, &mut model, 10);
    assert!(shown.contains("w-new-07"), "{shown}");
    request.claimed_at_ms = Some(world::NOW);
    request.builds.push("bsd-rel#41".into());
    let shown = told(&request, &mut model, 11);
    assert!(shown.contains("it waits no longer: bsd-rel#41"), "{shown}");
}

#[test]
fn empty() {
    let master = || vec![world::farm().remove(0)];
    everywhere("empty-waterfall", |columns, rows, look| with(columns, rows, look, master()));
    for (key, name) in [("3", "builders"), ("4", "queue"), ("5", "workers")] {
        let mut model = with(80, 24, Look::Colour, master());
        press(&mut model, key);
        snapshot(&format!("empty-{name}"), &model);
    }
}

/// The first minute of somebody whose checkout linn cannot read: what to write is all there, at any width.
#[test]
fn what_to_write_stands_where_nothing_else_does() {
    let mut model = with(80, 24, Look::Colour, vec![world::farm().remove(0)]);
    let advice =
        "linn cannot tell how it is built\nwrite a master.star at its top:\nlocal_worker(\"here\")";
    model.options.greeting = Some(advice.into());
    let shown = text(&frame(&model));
    for line in advice.lines() {
        assert!(shown.contains(line), "{shown}");
    }
}

#[test]
fn stale() {
    let down = |model: &mut Model| {
        let why = "connection refused".to_owned();
        update(model, Message::Link(LinkEvent::Down { why, retry: Duration::from_secs(2) }));
        update(model, Message::Tick(world::NOW + 27_000));
        let why = "connection refused".to_owned();
        update(model, Message::Link(LinkEvent::Down { why, retry: Duration::from_secs(2) }));
    };
    for keys in ["1", "3", "4"] {
        let mut model = farm(80, 24, Look::Colour);
        press(&mut model, keys);
        down(&mut model);
        snapshot(&format!("stale-{keys}"), &model);
    }
    let mut model = farm(120, 36, Look::Ascii);
    down(&mut model);
    snapshot("stale-waterfall", &model);
}

#[test]
fn no_master() {
    let mut model = fresh(80, 24, Look::Colour);
    snapshot("looking", &model);
    model.options.offer_up = true;
    let why = "there is no such socket".to_owned();
    update(&mut model, Message::Link(LinkEvent::Down { why, retry: Duration::from_secs(4) }));
    snapshot("offer-up", &model);
}

#[test]
fn too_small() {
    snapshot("too-small", &farm(50, 10, Look::Colour));
}

#[test]
fn states_have_their_colours_and_the_selection_its_ground() {
    let mut model = farm(80, 24, Look::Colour);
    press(&mut model, "e");
    let buffer = frame(&model);
    let at = |symbol: &str| {
        let mut cells = buffer.content().iter().filter(|cell| cell.symbol() == symbol);
        cells.next().expect("it is on the screen").clone()
    };
    assert_eq!(at("█").fg, Color::Indexed(209), "a failed bar is orange-red");
    assert_eq!(at("│").fg, Color::Indexed(240), "the head's rules are faint");
    let heads: Vec<_> = buffer.content().iter().filter(|cell| cell.symbol() == "✗").collect();
    assert!(
        heads.iter().any(|cell| cell.bg == Color::Indexed(237)),
        "the selected build has a ground"
    );
    assert!(heads.iter().all(|cell| cell.modifier.contains(Modifier::BOLD)), "red is bold");
}

#[test]
fn without_colour_there_is_none() {
    for keys in ["e", "3", "4", "5", "?", ": r", "e r", "e enter"] {
        let mut model = farm(120, 36, Look::Mono);
        press(&mut model, keys);
        for cell in frame(&model).content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{keys}: {cell:?}");
        }
    }
    let mut model = farm(120, 36, Look::Mono);
    open_log(&mut model);
    assert!(
        frame(&model)
            .content()
            .iter()
            .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
    );
}

#[test]
fn ascii_draws_nothing_else() {
    for keys in
        ["e", "3", "4", "5", "?", ": r", "e r", "e enter", "3 f", "4 w", "5 P", "right right x"]
    {
        let mut model = farm(120, 36, Look::Ascii);
        press(&mut model, keys);
        let shown = text(&frame(&model));
        assert!(shown.is_ascii(), "{keys}:\n{shown}");
    }
}
