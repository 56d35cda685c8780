//! Colours by meaning. 16 colours are the base, 256 are used where the terminal has them, and mono needs none.

use ratatui::style::{Color, Modifier, Style};

use crate::{
    glyph::State,
    settings::{Palette, Settings},
};

/// What a piece of text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Ordinary text.
    Text,
    /// What can be overlooked: labels, rules, hints.
    Dim,
    /// A heading or a name that matters.
    Strong,
    /// A key that can be pressed.
    Key,
    /// The name of the context.
    Context,
    /// The selected row.
    Selected,
    /// A frame around something.
    Frame,
    /// A frame around what has the keys.
    FrameActive,
    /// A match of a search.
    Match,
    /// Something went wrong with linn itself, or the link.
    Alarm,
    /// What is coming: forecasts.
    Forecast,
}

/// Colours for one terminal and one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Theme {
    palette: Palette,
    light: bool,
    many: bool,
}

/// What the environment says about the terminal's colours; read once at the start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) no_color: bool,
    pub(crate) force_color: bool,
    pub(crate) term: String,
    pub(crate) colorterm: String,
    pub(crate) colorfgbg: String,
}

impl Surroundings {
    pub(crate) fn read() -> Self {
        let text = |name| std::env::var(name).unwrap_or_default();
        Self {
            no_color: !text("NO_COLOR").is_empty(),
            force_color: !matches!(text("CLICOLOR_FORCE").as_str(), "" | "0"),
            term: text("TERM"),
            colorterm: text("COLORTERM"),
            colorfgbg: text("COLORFGBG"),
        }
    }
}

impl Theme {
    /// `NO_COLOR` beats the settings, `CLICOLOR_FORCE` beats `NO_COLOR`.
    pub(crate) fn new(settings: &Settings, around: &Surroundings) -> Self {
        let palette =
            if around.no_color && !around.force_color { Palette::Mono } else { settings.palette };
        // `15;0`: the number after the last semicolon is the background; 7 and 9 to 15 are light.
        let background =
            around.colorfgbg.rsplit(';').next().and_then(|number| number.parse::<u8>().ok());
        let light = settings.light.unwrap_or(matches!(background, Some(7 | 9..=15)));
        let many = around.term.contains("256color") || !around.colorterm.is_empty();
        Self { palette, light, many }
    }

    /// Whether only bold, dim, underline and reverse are used.
    pub(crate) fn is_mono(self) -> bool {
        self.palette == Palette::Mono
    }

    /// The style of a state.
    pub(crate) fn state(self, state: State) -> Style {
        let style = Style::new();
        if self.is_mono() {
            return match state {
                State::Failure | State::Exception => style.add_modifier(Modifier::BOLD),
                State::Running => style.add_modifier(Modifier::BOLD),
                State::Lost => style.add_modifier(Modifier::UNDERLINED),
                State::Success | State::Skipped | State::Cancelled | State::Never => {
                    self.role(Role::Dim)
                }
                _ => style,
            };
        }
        match state {
            State::Success => style.fg(self.good()),
            State::Warnings | State::Paused => style.fg(self.warning()),
            State::Failure => style.fg(self.bad()).add_modifier(Modifier::BOLD),
            State::Exception => style.fg(Color::Magenta).add_modifier(Modifier::BOLD),
            State::Retry => style.fg(Color::Cyan),
            State::Lost => style.fg(Color::Magenta).add_modifier(Modifier::UNDERLINED),
            State::Running => style.add_modifier(Modifier::BOLD),
            State::Cancelled | State::Skipped | State::Never => self.role(Role::Dim),
            State::Queued | State::Locked => style,
        }
    }

    /// The style of a role.
    pub(crate) fn role(self, role: Role) -> Style {
        let style = Style::new();
        let mono = self.is_mono();
        match role {
            Role::Text => style,
            Role::Dim | Role::Frame | Role::Forecast if self.palette == Palette::HighContrast => {
                style
            }
            Role::Dim | Role::Frame if mono => style.add_modifier(Modifier::DIM),
            Role::Forecast => style.add_modifier(Modifier::DIM),
            Role::Dim => style.fg(self.grey()),
            Role::Frame => style.fg(self.faint()),
            Role::Strong => style.add_modifier(Modifier::BOLD),
            Role::Key | Role::FrameActive if mono => style.add_modifier(Modifier::BOLD),
            Role::Key => style.fg(self.accent()).add_modifier(Modifier::BOLD),
            Role::FrameActive => style.fg(self.accent()),
            Role::Context if mono => style.add_modifier(Modifier::BOLD),
            Role::Context => style.fg(self.accent()).add_modifier(Modifier::BOLD),
            Role::Selected if mono || !self.many => style.add_modifier(Modifier::REVERSED),
            Role::Selected => {
                style.bg(if self.light { Color::Indexed(253) } else { Color::Indexed(237) })
            }
            Role::Match => style.add_modifier(Modifier::REVERSED),
            Role::Alarm if mono => style.add_modifier(Modifier::BOLD | Modifier::REVERSED),
            Role::Alarm => style.fg(self.bad()).add_modifier(Modifier::BOLD),
        }
    }

    /// A log's own style, as far as this theme shows colours.
    pub(crate) fn log(self, style: Style) -> Style {
        if self.is_mono() { Style { fg: None, bg: None, ..style } } else { style }
    }

    fn good(self) -> Color {
        match (self.palette, self.many, self.light) {
            (Palette::Classic, ..) => Color::Green,
            (Palette::HighContrast, ..) => Color::LightCyan,
            (_, true, false) => Color::Indexed(73),
            (_, true, true) => Color::Indexed(30),
            (_, false, _) => Color::Cyan,
        }
    }

    fn bad(self) -> Color {
        match (self.palette, self.many, self.light) {
            (Palette::Classic, ..) => Color::Red,
            (Palette::HighContrast, ..) => Color::LightRed,
            (_, true, false) => Color::Indexed(209),
            (_, true, true) => Color::Indexed(166),
            (_, false, _) => Color::LightRed,
        }
    }

    fn warning(self) -> Color {
        match (self.many, self.light) {
            (true, false) => Color::Indexed(179),
            (true, true) => Color::Indexed(136),
            (false, _) => Color::Yellow,
        }
    }

    fn accent(self) -> Color {
        match (self.palette, self.many, self.light) {
            (Palette::HighContrast, ..) => Color::White,
            (_, true, false) => Color::Indexed(110),
            (_, true, true) => Color::Indexed(25),
            (_, false, _) => Color::Blue,
        }
    }

    fn grey(self) -> Color {
        match (self.many, self.light) {
            (true, false) => Color::Indexed(245),
            (true, true) => Color::Indexed(243),
            (false, _) => Color::DarkGray,
        }
    }

    fn faint(self) -> Color {
        match (self.many, self.light) {
            (true, false) => Color::Indexed(240),
            (true, true) => Color::Indexed(249),
            (false, _) => Color::DarkGray,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_means_no_colour_anywhere() {
        let theme = Theme::new(
            &Settings::default(),
            &Surroundings { no_color: true, ..Surroundings::default() },
        );
        assert!(theme.is_mono());
        let coloured = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        assert_eq!(theme.log(coloured), Style::new().add_modifier(Modifier::BOLD));
        for role in [Role::Dim, Role::Key, Role::Selected, Role::Alarm, Role::Frame, Role::Context]
        {
            let style = theme.role(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn a_light_background_is_found_out() {
        let around = Surroundings {
            colorfgbg: "0;15".into(),
            term: "xterm-256color".into(),
            ..Surroundings::default()
        };
        let light = Theme::new(&Settings::default(), &around);
        assert!(light.light && light.many);
        assert_ne!(
            light.role(Role::Selected),
            Theme { light: false, ..light }.role(Role::Selected)
        );
    }
}
