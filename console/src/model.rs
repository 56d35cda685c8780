//! Everything the console knows and shows: the replica, the link, and where the person is. Changed by `update` alone.

use std::collections::VecDeque;

use linn_proto::entity::Build;

use crate::{
    act::Deeds,
    command::Command,
    glyph::{ASCII, Glyphs, State, UNICODE},
    keys::Stroke,
    logs::LogRef,
    notice::Notices,
    options::Options,
    popup::Popup,
    registry::Scopes,
    replica::{BuildRef, Replica},
    screen::{
        build::BuildScreen, builders::BuildersScreen, log::LogScreen, queue::QueueScreen,
        waterfall::Waterfall, workers::WorkersScreen,
    },
    theme::{Surroundings, Theme},
    zone::Zone,
};

/// What `update` and its helpers want done.
pub(crate) type Out = Vec<Command>;

/// The smallest terminal anything is drawn on.
pub(crate) const SMALLEST: (u16, u16) = (60, 15);
/// How long a toast stays, in ms.
pub(crate) const TOAST_MS: i64 = 9_000;

/// Where a person can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Waterfall,
    Builders,
    Queue,
    Workers,
    /// A screen that later versions bring, by its number key.
    Later(u8),
    Build(BuildRef),
    Log(LogRef),
}

/// How the link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// The first attempt is under way.
    Dialling,
    Live,
    /// Broken since (the master's clock); the next attempt is due at.
    Down {
        since_ms: i64,
        why: String,
        retry_at_ms: i64,
    },
}

/// A sentence shown for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub(crate) text: String,
    pub(crate) state: Option<State>,
    pub(crate) until_ms: i64,
    /// It tells of something that happened, and does not go with the next key.
    pub(crate) lasting: bool,
}

/// What the keys speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) builder: Option<String>,
    pub(crate) build: Option<BuildRef>,
    pub(crate) request: Option<u64>,
    pub(crate) worker: Option<String>,
}

/// The whole state.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) options: Options,
    pub(crate) theme: Theme,
    pub(crate) glyphs: &'static Glyphs,
    pub(crate) zone: Zone,
    pub(crate) replica: Replica,
    pub(crate) link: LinkState,
    pub(crate) latency_ms: Option<u64>,
    /// The local clock, and how far the master's is ahead of it.
    pub(crate) local_ms: i64,
    pub(crate) ahead_ms: Option<i64>,
    pub(crate) size: (u16, u16),
    /// Whether the terminal has the focus; unknown where it does not say.
    pub(crate) focus: Option<bool>,
    /// Where the person is (last) and came from; never empty.
    pub(crate) trail: Vec<Place>,
    pub(crate) waterfall: Waterfall,
    pub(crate) builders: BuildersScreen,
    pub(crate) queue: QueueScreen,
    pub(crate) workers: WorkersScreen,
    pub(crate) build: Option<BuildScreen>,
    pub(crate) log: Option<LogScreen>,
    pub(crate) popups: Vec<Popup>,
    /// The first stroke of a binding of two.
    pub(crate) chord: Option<Stroke>,
    pub(crate) deeds: Deeds,
    pub(crate) notices: Notices,
    pub(crate) toasts: VecDeque<Toast>,
    /// When ctrl-c was last pressed.
    pub(crate) interrupted_ms: Option<i64>,
    /// Something visible changed since the last frame.
    pub(crate) dirty: bool,
}

impl Model {
    /// `seed` makes request ids of this console its own.
    pub(crate) fn new(options: Options, around: &Surroundings, zone: Zone, seed: String) -> Self {
        let theme = Theme::new(&options.settings, around);
        let glyphs = if options.ascii || options.settings.ascii { &ASCII } else { &UNICODE };
        let waterfall = Waterfall::new(options.settings.now_at_bottom);
        let greeting = options.greeting.iter().filter_map(|text| text.lines().next());
        let toasts = greeting.map(|text| Toast {
            text: text.to_owned(),
            state: None,
            // The clock is not known yet: the first tick starts it.
            until_ms: 0,
            lasting: true,
        });
        Self {
            theme,
            glyphs,
            zone,
            replica: Replica::default(),
            link: LinkState::Dialling,
            latency_ms: None,
            local_ms: 0,
            ahead_ms: None,
            size: (80, 24),
            focus: None,
            trail: vec![Place::Waterfall],
            waterfall,
            builders: BuildersScreen::default(),
            queue: QueueScreen::default(),
            workers: WorkersScreen::default(),
            build: None,
            log: None,
            popups: Vec::new(),
            chord: None,
            deeds: Deeds::new(seed),
            notices: Notices::default(),
            toasts: toasts.collect(),
            interrupted_ms: None,
            dirty: true,
            options,
        }
    }

    /// Now, by the master's clock: the one all times of entities are in.
    pub(crate) fn now_ms(&self) -> i64 {
        self.local_ms + self.ahead_ms.unwrap_or(0)
    }

    /// The time that what is shown stands at: old data does not go on ageing while the link is broken (C15).
    pub(crate) fn shown_ms(&self) -> i64 {
        match self.link {
            LinkState::Down { since_ms, .. } if !self.is_offline() => since_ms,
            _ => self.now_ms(),
        }
    }

    /// Whether the terminal is too small to draw on.
    pub(crate) fn is_too_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }

    /// No master has answered yet.
    pub(crate) fn is_offline(&self) -> bool {
        self.replica.is_empty()
    }

    pub(crate) fn is_live(&self) -> bool {
        self.link == LinkState::Live
    }

    pub(crate) fn place(&self) -> &Place {
        self.trail.last().unwrap_or(&Place::Waterfall)
    }

    /// Which actions are valid now.
    pub(crate) fn scope(&self) -> Scopes {
        if self.is_offline() {
            return Scopes::OFFLINE;
        }
        match self.place() {
            Place::Waterfall => Scopes::WATERFALL,
            Place::Builders => Scopes::BUILDERS,
            Place::Queue => Scopes::QUEUE,
            Place::Workers => Scopes::WORKERS,
            Place::Later(_) => Scopes::LATER,
            Place::Build(_) => Scopes::BUILD,
            Place::Log(_) => Scopes::LOG,
        }
    }

    /// Rows between the two head lines and the two foot lines.
    pub(crate) fn body_height(&self) -> u16 {
        self.size.1.saturating_sub(4)
    }

    /// The thing the keys speak of on this screen.
    pub(crate) fn selection(&self) -> Selection {
        match self.place() {
            Place::Waterfall => crate::screen::waterfall::selection(self),
            Place::Builders => crate::screen::builders::selection(self),
            Place::Queue => crate::screen::queue::selection(self),
            Place::Workers => crate::screen::workers::selection(self),
            Place::Later(_) => Selection::default(),
            Place::Build(build) => Selection::of(build.clone()),
            Place::Log(log) => Selection::of(log.build.clone()),
        }
    }

    /// The selected build, if the replica still has it.
    pub(crate) fn selected_build(&self) -> Option<&Build> {
        self.replica.build(&self.selection().build?)
    }

    /// Answers a key with a sentence: shown for a while, until the next key at most.
    pub(crate) fn toast(&mut self, text: impl Into<String>, state: Option<State>) {
        self.show(text.into(), state, false);
    }

    /// Tells of something that happened: shown for a while, whatever is typed.
    pub(crate) fn tell(&mut self, text: impl Into<String>, state: Option<State>) {
        self.show(text.into(), state, true);
    }

    fn show(&mut self, text: String, state: Option<State>, lasting: bool) {
        let toast = Toast { text, state, until_ms: self.local_ms + TOAST_MS, lasting };
        // The newest is shown; a handful behind it is plenty.
        self.toasts.push_front(toast);
        self.toasts.truncate(8);
    }

    /// Builders whose last verdict is red, worst and newest first: what `e` walks.
    pub(crate) fn reds(&self) -> Vec<&Build> {
        let mut reds: Vec<&Build> = self
            .replica
            .builders
            .keys()
            .filter_map(|builder| self.replica.last_verdict(builder))
            .filter(|build| State::of_build(build).is_red())
            .collect();
        reds.sort_by_key(|build| {
            (!build.new_failure, std::cmp::Reverse(build.complete_at_ms), build.id)
        });
        reds
    }

    /// How a builder is at a glance: what runs, waits or ended last.
    pub(crate) fn builder_state(&self, name: &str) -> State {
        let verdict = self.replica.last_verdict(name).map(State::of_build);
        let builder = self.replica.builders.get(name);
        let runs = self.replica.running_of(name).is_some();
        match (verdict, builder) {
            (Some(state), _) if state.is_red() => state,
            (_, Some(builder)) if builder.never_start || builder.state == "offline" => State::Lost,
            (_, Some(builder)) if builder.state == "paused" => State::Paused,
            (Some(State::Warnings), _) => State::Warnings,
            (_, _) if runs => State::Running,
            (_, Some(builder)) if builder.pending > 0 => State::Queued,
            (Some(state), _) => state,
            (None, _) => State::Never,
        }
    }
}

impl Selection {
    pub(crate) fn of(build: BuildRef) -> Self {
        Self { builder: Some(build.builder.clone()), build: Some(build), ..Self::default() }
    }
}
