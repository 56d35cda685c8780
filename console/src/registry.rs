//! The one table of actions. Keys, footer, help and palette all come from it, so they cannot disagree (console.md B3).
//!
//! Lower case reads or repeats, upper case or a dialog changes the world; a letter means the same verb on every
//! screen; a key of a screen never shadows a global one. Tests below hold the table to that.

use crossterm::event::KeyCode;

use crate::keys::{Binding, ctrl, key, named, twice};

/// Where an action is valid: a set of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scopes(u16);

impl Scopes {
    pub(crate) const WATERFALL: Self = Self(1);
    pub(crate) const BUILDERS: Self = Self(1 << 1);
    pub(crate) const QUEUE: Self = Self(1 << 2);
    pub(crate) const WORKERS: Self = Self(1 << 3);
    pub(crate) const BUILD: Self = Self(1 << 4);
    pub(crate) const LOG: Self = Self(1 << 5);
    pub(crate) const LATER: Self = Self(1 << 6);
    /// No master has answered yet.
    pub(crate) const OFFLINE: Self = Self(1 << 7);

    const LISTS: Self = Self(Self::BUILDERS.0 | Self::QUEUE.0 | Self::WORKERS.0);
    const OVERVIEW: Self = Self(Self::WATERFALL.0 | Self::BUILDERS.0);
    const BUILDS: Self = Self(Self::OVERVIEW.0 | Self::BUILD.0 | Self::LOG.0);
    const MOVES: Self = Self(Self::WATERFALL.0 | Self::LISTS.0 | Self::BUILD.0 | Self::LOG.0);
    const SCREENS: Self = Self(Self::MOVES.0 | Self::LATER.0);
    const EVERYWHERE: Self = Self(Self::SCREENS.0 | Self::OFFLINE.0);

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the two have a place in common.
    pub(crate) fn meet(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Every place there is, with the name help gives it.
pub(crate) const PLACES: [(Scopes, &str); 8] = [
    (Scopes::WATERFALL, "waterfall"),
    (Scopes::BUILDERS, "builders"),
    (Scopes::QUEUE, "queue"),
    (Scopes::WORKERS, "workers"),
    (Scopes::BUILD, "build"),
    (Scopes::LOG, "log"),
    (Scopes::LATER, "a screen to come"),
    (Scopes::OFFLINE, "no master"),
];

/// What an action needs to be possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// A selected build.
    Build,
    /// A selected build that has ended.
    FinishedBuild,
    /// A selected build that runs, or a request that waits.
    Unfinished,
    /// A selected builder.
    Builder,
    /// A selected request or a builder for which one waits.
    Waiting,
    /// A selected worker.
    Worker,
}

/// Who may, once masters know people (console.md G). A local socket may everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    Viewer,
    Developer,
    Operator,
}

/// Groups of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Move,
    Find,
    Look,
    Act,
    View,
    Screens,
    Console,
}

impl Group {
    pub(crate) const ALL: [Self; 7] =
        [Self::Move, Self::Find, Self::Look, Self::Act, Self::View, Self::Screens, Self::Console];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Find => "find",
            Self::Look => "look",
            Self::Act => "act",
            Self::View => "view",
            Self::Screens => "screens",
            Self::Console => "console",
        }
    }
}

/// Names an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ActionId {
    Up,
    Down,
    Left,
    Right,
    HalfUp,
    HalfDown,
    PageUp,
    PageDown,
    Top,
    Bottom,
    SideLeft,
    SideRight,
    First,
    Last,
    NextPane,
    PreviousPane,
    ZoomPane,
    NextRed,
    PreviousRed,
    Filter,
    Search,
    NextMatch,
    PreviousMatch,
    Palette,
    Open,
    Log,
    Blame,
    Properties,
    Why,
    Older,
    Newer,
    NewestNotice,
    Force,
    Rebuild,
    Stop,
    Pause,
    SortNext,
    SortReverse,
    ZoomIn,
    ZoomOut,
    Flip,
    Stamps,
    Density,
    Fold,
    Wrap,
    Follow,
    NextLog,
    Save,
    Screen(u8),
    StartUp,
    Help,
    Relink,
    Redraw,
    Suspend,
    Back,
    Quit,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) id: ActionId,
    /// The word in footer and help; `…` at its end says that a dialog follows.
    pub(crate) name: &'static str,
    /// The sentence in the palette.
    pub(crate) title: &'static str,
    pub(crate) keys: &'static [Binding],
    pub(crate) scopes: Scopes,
    pub(crate) needs: Needs,
    pub(crate) right: Right,
    pub(crate) group: Group,
    /// Shown in the footer where it is valid, in the order of the table.
    pub(crate) footer: bool,
    /// The command of the command line that does the same, with places for the selected thing.
    pub(crate) verb: Option<&'static str>,
}

impl Action {
    const fn new(
        id: ActionId,
        name: &'static str,
        title: &'static str,
        keys: &'static [Binding],
    ) -> Self {
        Self {
            id,
            name,
            title,
            keys,
            scopes: Scopes::SCREENS,
            needs: Needs::Nothing,
            right: Right::Viewer,
            group: Group::Console,
            footer: false,
            verb: None,
        }
    }

    const fn at(self, group: Group, scopes: Scopes) -> Self {
        Self { group, scopes, ..self }
    }

    const fn on(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }

    const fn by(self, right: Right) -> Self {
        Self { right, ..self }
    }

    const fn shown(self) -> Self {
        Self { footer: true, ..self }
    }

    const fn same_as(self, verb: &'static str) -> Self {
        Self { verb: Some(verb), ..self }
    }
}

/// The table. Its order is the order of footer and help.
pub(crate) static ACTIONS: &[Action] = {
    use ActionId as A;
    use Group as G;
    use KeyCode as K;
    use Needs as N;
    use Scopes as S;
    &[
        Action::new(
            A::StartUp,
            "start one here",
            "start a master here",
            &[named(K::Enter), key('u')],
        )
        .at(G::Act, S::OFFLINE)
        .by(Right::Operator)
        .shown()
        .same_as("linn up"),
        Action::new(A::Open, "open", "open the selected thing", &[named(K::Enter)])
            .at(G::Look, S::WATERFALL.and(S::LISTS).and(S::BUILD))
            .shown(),
        Action::new(
            A::Follow,
            "follow",
            "go to the end and follow",
            &[key('G'), key('F'), named(K::End)],
        )
        .at(G::Move, S::LOG)
        .shown(),
        Action::new(A::Log, "log", "open the log that tells most", &[key('l')])
            .at(G::Look, S::WATERFALL.and(S::LISTS).and(S::BUILD))
            .on(N::Build)
            .shown()
            .same_as("linn log BUILD"),
        Action::new(A::Blame, "blame", "whose changes are in it", &[key('b')])
            .at(G::Look, S::OVERVIEW.and(S::BUILD))
            .on(N::Build)
            .shown()
            .same_as("linn build BUILD"),
        Action::new(A::Properties, "properties", "properties of the build", &[key('p')])
            .at(G::Look, S::OVERVIEW.and(S::BUILD))
            .on(N::Build)
            .same_as("linn build BUILD"),
        Action::new(A::Why, "why", "why is it not running?", &[key('w')])
            .at(G::Look, S::OVERVIEW.and(S::QUEUE))
            .on(N::Waiting)
            .shown()
            .same_as("linn requests"),
        Action::new(A::Rebuild, "rebuild…", "build it again", &[key('r')])
            .at(G::Act, S::BUILDS)
            .on(N::FinishedBuild)
            .by(Right::Developer)
            .shown()
            .same_as("linn rebuild BUILD"),
        Action::new(A::Force, "force…", "force a build of the builder", &[key('f')])
            .at(G::Act, S::OVERVIEW.and(S::BUILD).and(S::QUEUE))
            .on(N::Builder)
            .by(Right::Developer)
            .shown()
            .same_as("linn force BUILDER"),
        Action::new(A::Stop, "end it…", "stop the build or cancel the request", &[key('x')])
            .at(G::Act, S::BUILDS.and(S::QUEUE).and(S::WORKERS))
            .on(N::Unfinished)
            .by(Right::Developer)
            .shown()
            .same_as("linn stop BUILD --reason TEXT"),
        Action::new(
            A::Pause,
            "take out, bring in…",
            "pause, drain or resume the worker",
            &[key('P')],
        )
        .at(G::Act, S::WORKERS)
        .on(N::Worker)
        .by(Right::Operator)
        .shown()
        .same_as("linn worker pause WORKER"),
        Action::new(
            A::NextRed,
            "next red",
            "next red build, or next error of the log",
            &[key('e')],
        )
        .at(G::Find, S::MOVES)
        .shown(),
        Action::new(
            A::PreviousRed,
            "previous red",
            "previous red build, or previous error",
            &[key('E')],
        )
        .at(G::Find, S::MOVES),
        Action::new(A::Filter, "filter", "show only what matches", &[key('/')])
            .at(G::Find, S::WATERFALL.and(S::LISTS))
            .shown(),
        Action::new(A::Search, "search", "search the log on the master", &[key('/')])
            .at(G::Find, S::LOG)
            .shown()
            .same_as("linn log LOG --grep REGEX"),
        Action::new(A::NextMatch, "next match", "next match of the search", &[key('n')])
            .at(G::Find, S::LOG)
            .shown(),
        Action::new(
            A::PreviousMatch,
            "previous match",
            "previous match of the search",
            &[key('N')],
        )
        .at(G::Find, S::LOG),
        Action::new(A::Stamps, "times", "times beside the lines", &[key('t')])
            .at(G::View, S::LOG)
            .shown(),
        Action::new(A::Wrap, "wrap", "wrap long lines", &[key('w')]).at(G::View, S::LOG).shown(),
        Action::new(A::NextLog, "next log", "the step's next log", &[named(K::Tab)])
            .at(G::Look, S::LOG),
        Action::new(A::Save, "save", "save the whole log to a file", &[ctrl('s')])
            .at(G::Act, S::LOG)
            .shown()
            .same_as("linn log LOG --raw > FILE"),
        Action::new(A::NextPane, "pane", "next pane", &[named(K::Tab)])
            .at(G::Move, S::BUILD)
            .shown(),
        Action::new(A::PreviousPane, "previous pane", "previous pane", &[named(K::BackTab)])
            .at(G::Move, S::BUILD),
        Action::new(A::ZoomPane, "zoom", "the pane alone", &[key('z')])
            .at(G::View, S::BUILD)
            .shown(),
        Action::new(A::SortNext, "sort", "sort by the next column", &[key('s')])
            .at(G::View, S::BUILDERS.and(S::WORKERS))
            .shown(),
        Action::new(A::SortReverse, "reverse", "the other way round", &[key('S')])
            .at(G::View, S::BUILDERS.and(S::WORKERS)),
        Action::new(A::Older, "older", "older build of the builder", &[key('<')])
            .at(G::Look, S::BUILD.and(S::LOG)),
        Action::new(A::Newer, "newer", "newer build of the builder", &[key('>')])
            .at(G::Look, S::BUILD.and(S::LOG)),
        Action::new(
            A::NewestNotice,
            "newest alarm",
            "open what the newest notice tells of",
            &[key('!')],
        )
        .at(G::Look, S::SCREENS),
        Action::new(A::Up, "up", "up", &[key('k'), named(K::Up)]).at(G::Move, S::MOVES),
        Action::new(A::Down, "down", "down", &[key('j'), named(K::Down)]).at(G::Move, S::MOVES),
        Action::new(A::Left, "left", "left", &[key('h'), named(K::Left)])
            .at(G::Move, S::WATERFALL.and(S::LOG)),
        // On the waterfall the letter is the log's; the arrow moves there.
        Action::new(A::Right, "right", "right", &[named(K::Right)]).at(G::Move, S::WATERFALL),
        Action::new(A::Right, "right", "right", &[key('l'), named(K::Right)]).at(G::Move, S::LOG),
        Action::new(A::HalfUp, "half a page up", "half a page up", &[ctrl('u')])
            .at(G::Move, S::MOVES),
        Action::new(A::HalfDown, "half a page down", "half a page down", &[ctrl('d')])
            .at(G::Move, S::MOVES),
        Action::new(A::PageUp, "page up", "a page up", &[named(K::PageUp)]).at(G::Move, S::MOVES),
        Action::new(A::PageDown, "page down", "a page down", &[named(K::PageDown)])
            .at(G::Move, S::MOVES),
        Action::new(A::Top, "top", "to the top", &[twice('g'), named(K::Home)])
            .at(G::Move, S::MOVES),
        Action::new(A::Bottom, "bottom", "to the bottom", &[key('G'), named(K::End)])
            .at(G::Move, S::WATERFALL.and(S::LISTS).and(S::BUILD)),
        Action::new(A::SideLeft, "page left", "a page to the left", &[key('H')])
            .at(G::Move, S::WATERFALL.and(S::LOG)),
        Action::new(A::SideRight, "page right", "a page to the right", &[key('L')])
            .at(G::Move, S::WATERFALL.and(S::LOG)),
        Action::new(A::First, "first column", "first column", &[key('^')])
            .at(G::Move, S::WATERFALL.and(S::LOG)),
        Action::new(A::Last, "last column", "last column", &[key('$')]).at(G::Move, S::WATERFALL),
        Action::new(A::ZoomIn, "zoom in", "less time a row", &[key('+')]).at(G::View, S::WATERFALL),
        Action::new(A::ZoomOut, "zoom out", "more time a row", &[key('-')])
            .at(G::View, S::WATERFALL),
        Action::new(A::Flip, "flip time", "now on top or at the bottom", &[key('t')])
            .at(G::View, S::WATERFALL),
        Action::new(A::Density, "density", "narrow, normal or wide columns", &[key('=')])
            .at(G::View, S::WATERFALL),
        Action::new(A::Fold, "fold", "fold or show what is quiet", &[key('.')])
            .at(G::View, S::OVERVIEW),
        Action::new(A::Palette, "command", "find a command by its name", &[key(':'), ctrl('p')])
            .at(G::Find, S::EVERYWHERE)
            .shown(),
        Action::new(A::Screen(1), "waterfall", "screen 1: waterfall", &[key('1')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Screen(2), "grid", "screen 2: grid", &[key('2')]).at(G::Screens, S::SCREENS),
        Action::new(A::Screen(3), "builders", "screen 3: builders", &[key('3')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Screen(4), "queue", "screen 4: queue", &[key('4')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Screen(5), "workers", "screen 5: workers", &[key('5')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Screen(6), "changes", "screen 6: changes", &[key('6')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Screen(7), "inbox", "screen 7: inbox", &[key('7')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Screen(8), "locks", "screen 8: locks and schedulers", &[key('8')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Screen(9), "events", "screen 9: events", &[key('9')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Screen(0), "users", "screen 0: users", &[key('0')])
            .at(G::Screens, S::SCREENS),
        Action::new(A::Help, "help", "the keys of this screen", &[key('?')])
            .at(G::Console, S::EVERYWHERE)
            .shown(),
        Action::new(A::Relink, "relink", "link to the master anew, now", &[ctrl('r')])
            .at(G::Console, S::EVERYWHERE),
        Action::new(A::Redraw, "redraw", "draw the screen anew", &[ctrl('l')])
            .at(G::Console, S::EVERYWHERE),
        Action::new(A::Suspend, "suspend", "back to the shell until fg", &[ctrl('z')])
            .at(G::Console, S::EVERYWHERE),
        Action::new(
            A::Back,
            "back",
            "back to where you came from",
            &[named(K::Esc), named(K::Backspace)],
        )
        .at(G::Console, S::SCREENS),
        Action::new(A::Quit, "back, quit", "back; at the root, leave", &[key('q')])
            .at(G::Console, S::EVERYWHERE),
    ]
};

/// The actions valid in a place, in the table's order.
pub(crate) fn valid(place: Scopes) -> impl Iterator<Item = &'static Action> {
    ACTIONS.iter().filter(move |action| action.scopes.meet(place))
}

/// The action that a binding means in a place.
pub(crate) fn find(place: Scopes, binding: Binding) -> Option<&'static Action> {
    valid(place).find(|action| action.keys.contains(&binding))
}

/// Whether a stroke begins a longer binding in a place.
pub(crate) fn begins(place: Scopes, binding: Binding) -> bool {
    let Binding::One(stroke) = binding else { return false };
    valid(place).any(|action| action.keys.contains(&Binding::Twice(stroke)))
}

/// The key to show for an action.
pub(crate) fn shown_key(action: &Action) -> String {
    action.keys.first().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_two_actions_share_a_key_in_one_place() {
        for (place, name) in PLACES {
            let mut taken: BTreeMap<String, &str> = BTreeMap::new();
            for action in valid(place) {
                for binding in action.keys {
                    let before = taken.insert(binding.to_string(), action.title);
                    assert_eq!(before, None, "{binding} in {name} is also {}", action.title);
                    // A key that begins a chord cannot be an action of its own there.
                    if let Binding::Twice(stroke) = binding {
                        assert!(find(place, Binding::One(*stroke)).is_none(), "{stroke} in {name}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_letter_means_one_verb_or_the_difference_is_meant() {
        // console.md D itself gives these letters two meanings: in a log there is more to look at and less to do.
        const MEANT: [&str; 7] = ["l", "w", "t", "G", "end", "/", "tab"];
        let mut meanings: BTreeMap<String, Vec<ActionId>> = BTreeMap::new();
        for action in ACTIONS.iter().filter(|action| !action.scopes.meet(Scopes::OFFLINE)) {
            for binding in action.keys {
                let ids = meanings.entry(binding.to_string()).or_default();
                if !ids.contains(&action.id) {
                    ids.push(action.id);
                }
            }
        }
        for (stroke, ids) in meanings {
            assert!(ids.len() == 1 || MEANT.contains(&stroke.as_str()), "{stroke}: {ids:?}");
        }
    }

    #[test]
    fn nothing_needs_keys_that_terminals_do_not_pass() {
        for action in ACTIONS {
            for binding in action.keys {
                assert!(
                    !["ctrl-i", "ctrl-m", "ctrl-j", "ctrl-[", "ctrl-a", "ctrl-b"]
                        .contains(&&*binding.to_string())
                );
            }
        }
    }

    #[test]
    fn what_changes_the_world_asks_first_and_has_a_command() {
        for action in ACTIONS.iter().filter(|action| action.right != Right::Viewer) {
            assert!(action.verb.is_some(), "{}", action.title);
            assert!(
                action.name.ends_with('…') || action.id == ActionId::StartUp,
                "{}",
                action.title
            );
        }
    }
}
