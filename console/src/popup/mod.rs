//! What lies over the screen: a stack of dialogs, the topmost of which has the keys.

pub(crate) mod confirm;
pub(crate) mod force;
pub(crate) mod help;
pub(crate) mod info;
pub(crate) mod palette;
pub(crate) mod prompt;
pub(crate) mod why;

use linn_proto::entity::BuildRequest;

use crate::{
    canvas::Canvas,
    keys::Stroke,
    model::{Model, Out, Selection},
    registry::{ActionId, Scopes},
};

pub(crate) use info::{error, refused, wrap};
pub(crate) use why::open_why;

/// One dialog.
#[derive(Clone, Debug)]
pub(crate) enum Popup {
    Confirm(confirm::Confirm),
    Force(force::Force),
    Palette(palette::Palette),
    Help(help::Help),
    Info(info::Info),
    Prompt(prompt::Prompt),
    Why(why::Why),
}

/// What a dialog wants after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Stay,
    Close,
}

impl Popup {
    pub(crate) fn help(scope: Scopes) -> Self {
        Self::Help(help::Help::new(scope))
    }

    pub(crate) fn palette() -> Self {
        Self::Palette(palette::Palette::default())
    }

    pub(crate) fn filter(filter: &str) -> Self {
        Self::Prompt(prompt::Prompt::filter(filter))
    }

    pub(crate) fn search() -> Self {
        Self::Prompt(prompt::Prompt::search())
    }

    pub(crate) fn save(path: &str) -> Self {
        Self::Prompt(prompt::Prompt::save(path))
    }

    /// Its keys, for the last line.
    pub(crate) fn keys(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Confirm(confirm) => confirm.keys(),
            Self::Force(_) => force::KEYS,
            Self::Palette(_) => palette::KEYS,
            Self::Help(_) => help::KEYS,
            Self::Info(_) | Self::Why(_) => info::KEYS,
            Self::Prompt(_) => prompt::KEYS,
        }
    }
}

/// Gives a key to the topmost dialog.
pub(crate) fn key(model: &mut Model, stroke: Stroke, out: &mut Out) {
    let Some(mut top) = model.popups.pop() else { return };
    // What the key opens comes over this one, or in its place.
    let depth = model.popups.len();
    let after = match &mut top {
        Popup::Confirm(confirm) => confirm.key(model, stroke, out),
        Popup::Force(form) => form.key(model, stroke, out),
        Popup::Palette(palette) => palette.key(model, stroke, out),
        Popup::Help(help) => help.key(model, stroke),
        Popup::Info(info) => info.key(model, stroke),
        Popup::Prompt(prompt) => prompt.key(model, stroke, out),
        Popup::Why(why) => why.key(model, stroke),
    };
    if after == After::Stay {
        model.popups.insert(depth, top);
    }
}

/// Gives pasted text to the topmost dialog, as if it had been typed.
pub(crate) fn paste(model: &mut Model, text: &str) {
    let Some(mut top) = model.popups.pop() else { return };
    match &mut top {
        Popup::Confirm(confirm) => confirm.paste(text),
        Popup::Force(form) => form.paste(text),
        Popup::Palette(palette) => palette.paste(text),
        Popup::Help(help) => help.paste(text),
        Popup::Prompt(prompt) => prompt.paste(model, text),
        Popup::Info(_) | Popup::Why(_) => {}
    }
    model.popups.push(top);
}

/// Opens the dialog of an action on what is selected.
pub(crate) fn open_for(model: &mut Model, id: ActionId) {
    let selection = model.selection();
    let popup = match id {
        ActionId::Force => selection
            .builder
            .and_then(|builder| force::Force::open(model, &builder))
            .map(Popup::Force),
        ActionId::Rebuild => selection.build.map(|build| confirm::rebuild(model, &build)),
        ActionId::Pause => selection.worker.map(|worker| confirm::worker(model, &worker)),
        ActionId::Stop => match (selection.request, selection.build) {
            (Some(request), _) => Some(confirm::cancel(model, request)),
            (None, Some(build)) => Some(confirm::stop(model, &build)),
            (None, None) => None,
        },
        _ => None,
    };
    model.popups.extend(popup);
}

/// The requests that wait for what is selected.
pub(crate) fn waiting_of<'a>(model: &'a Model, selection: &Selection) -> Vec<&'a BuildRequest> {
    match (selection.request, &selection.builder) {
        (Some(id), _) => model.replica.waiting().filter(|request| request.id == id).collect(),
        (None, Some(builder)) => model.replica.waiting_of(builder).collect(),
        (None, None) => Vec::new(),
    }
}

/// Draws all dialogs, the topmost last.
pub(crate) fn view(model: &Model, canvas: &mut Canvas<'_>) {
    for popup in &model.popups {
        match popup {
            Popup::Confirm(confirm) => confirm.draw(canvas),
            Popup::Force(form) => form.draw(canvas),
            Popup::Palette(palette) => palette.draw(model, canvas),
            Popup::Help(help) => help.draw(model, canvas),
            Popup::Info(info) => info.draw(canvas),
            Popup::Why(why) => why.draw(model, canvas),
            // Drawn in the sentence line.
            Popup::Prompt(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        message::Message,
        model::Place,
        replica::BuildRef,
        testing::{Look, farm, press},
        update::update,
    };

    #[test]
    fn pasted_text_works_at_once() {
        let mut model = farm(80, 24, Look::Mono);
        press(&mut model, "3 /");
        update(&mut model, Message::Paste("win-rel".into()));
        assert_eq!(model.builders.filter, "win-rel");
        press(&mut model, "esc : down down down");
        update(&mut model, Message::Paste("win-rel".into()));
        press(&mut model, "enter");
        assert_eq!(model.place(), &Place::Build(BuildRef::new("win-rel", 455)));
    }
}
