//! Draws the screen of a terminal as SVG that looks the same everywhere.
//!
//! No font is asked for by name alone: each run of text is stretched to its cells, other glyphs stand in the middle of
//! theirs, and lines and blocks are drawn as shapes, so that they join.

use std::fmt::Write;

use vt100::{Cell, Color, Screen};

/// The size of a cell, in pixels.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
/// Around the cells, and the bar above them.
const MARGIN: f32 = 14.0;
const BAR: f32 = 34.0;

const BACKGROUND: u32 = 0x0011_151c;
const FOREGROUND: u32 = 0x00d4_d9e1;

/// The sixteen colours that every terminal has its own of.
const BASE: [u32; 16] = [
    0x0023_2a35,
    0x00e0_6c75,
    0x0098_c379,
    0x00e5_c07b,
    0x0061_afef,
    0x00c6_78dd,
    0x0056_b6c2,
    0x00ab_b2bf,
    0x005c_6370,
    0x00ff_7b85,
    0x00b5_e890,
    0x00ff_d88a,
    0x0082_c6ff,
    0x00e0_9cf5,
    0x007a_d7e3,
    0x00ff_ffff,
];

/// How a cell is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: u32,
    paper: Option<u32>,
    bold: bool,
    italic: bool,
    underline: bool,
    dim: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (ink, paper) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
        let (ink, paper) = if cell.inverse() {
            (Some(paper.unwrap_or(BACKGROUND)), Some(ink.unwrap_or(FOREGROUND)))
        } else {
            (ink, paper)
        };
        Self {
            ink: ink.unwrap_or(FOREGROUND),
            paper,
            bold: cell.bold(),
            italic: cell.italic(),
            underline: cell.underline(),
            dim: cell.dim(),
        }
    }

    fn attributes(self) -> String {
        let mut text = format!("fill=\"#{:06x}\"", self.ink);
        for (on, attribute) in [
            (self.bold, " font-weight=\"bold\""),
            (self.italic, " font-style=\"italic\""),
            (self.underline, " text-decoration=\"underline\""),
            (self.dim, " opacity=\".6\""),
        ] {
            if on {
                text.push_str(attribute);
            }
        }
        text
    }
}

fn colour(colour: Color) -> Option<u32> {
    match colour {
        Color::Default => None,
        Color::Idx(index @ 0..=15) => Some(BASE[usize::from(index)]),
        Color::Idx(index @ 16..=231) => {
            let level = |step: u32| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = u32::from(index) - 16;
            Some(level(cube / 36) << 16 | level(cube / 6 % 6) << 8 | level(cube % 6))
        }
        Color::Idx(index) => {
            let grey = 8 + 10 * (u32::from(index) - 232);
            Some(grey << 16 | grey << 8 | grey)
        }
        Color::Rgb(red, green, blue) => {
            Some(u32::from(red) << 16 | u32::from(green) << 8 | u32::from(blue))
        }
    }
}

/// The picture of a screen in a window with a title.
pub(crate) fn of(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = f32::from(columns).mul_add(WIDTH, 2.0 * MARGIN);
    let height = f32::from(rows).mul_add(HEIGHT, BAR + MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.1} {height:.1}\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"9\" fill=\"#{BACKGROUND:06x}\"/>\n"
    );
    for (place, fill) in [(18, "ff5f57"), (36, "febc2e"), (54, "28c840")] {
        _ = writeln!(svg, "<circle cx=\"{place}\" cy=\"17\" r=\"5.5\" fill=\"#{fill}\"/>");
    }
    _ = writeln!(
        svg,
        "<g font-family=\"ui-monospace,SFMono-Regular,'Cascadia Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace\" \
         font-size=\"14\" xml:space=\"preserve\">\n\
         <text x=\"{:.1}\" y=\"22\" text-anchor=\"middle\" fill=\"#8a919c\">{title}</text>",
        width / 2.0
    );
    for row in 0..rows {
        Row { screen, columns, row }.draw(&mut svg);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// One row of cells.
struct Row<'a> {
    screen: &'a Screen,
    columns: u16,
    row: u16,
}

impl Row<'_> {
    fn cell(&self, column: u16) -> (&str, Look) {
        let cell = self.screen.cell(self.row, column).expect("a cell of the screen");
        let text = if cell.contents().is_empty() { " " } else { cell.contents() };
        (text, Look::of(cell))
    }

    /// Left and top edge of a cell.
    fn corner(&self, column: u16) -> (f32, f32) {
        (f32::from(column).mul_add(WIDTH, MARGIN), f32::from(self.row).mul_add(HEIGHT, BAR))
    }

    /// Where cells from here on stop being like this one.
    fn run(&self, from: u16, alike: impl Fn((&str, Look)) -> bool) -> u16 {
        (from..self.columns).find(|column| !alike(self.cell(*column))).unwrap_or(self.columns)
    }

    fn draw(&self, svg: &mut String) {
        let mut column = 0;
        while column < self.columns {
            let (_, look) = self.cell(column);
            let end = self.run(column, |(_, other)| other.paper == look.paper);
            if let Some(paper) = look.paper {
                let (x, y) = self.corner(column);
                let width = f32::from(end - column) * WIDTH;
                _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" fill=\"#{paper:06x}\"/>"
                );
            }
            column = end;
        }
        let mut column = 0;
        while column < self.columns {
            let (text, look) = self.cell(column);
            column = if text == " " && !look.underline {
                column + 1
            } else if text.is_ascii() {
                let end = self.run(column, |(text, other)| text.is_ascii() && other == look);
                self.words(svg, column, end, look);
                end
            } else if let Some(shape) = Shape::of(text) {
                let end = self.run(column, |(other, style)| other == text && style == look);
                self.shape(svg, column, end, &shape, look);
                end
            } else {
                let (x, y) = self.corner(column);
                let text = escaped(text);
                let (middle, base) = (x + WIDTH / 2.0, y + 13.5);
                _ = writeln!(
                    svg,
                    "<text x=\"{middle:.1}\" y=\"{base:.1}\" text-anchor=\"middle\" {}>{text}</text>",
                    look.attributes()
                );
                column + 1
            };
        }
    }

    /// A run of plain text, as wide as its cells.
    fn words(&self, svg: &mut String, from: u16, to: u16, look: Look) {
        let text: String = (from..to).map(|column| self.cell(column).0).collect();
        let text = if look.underline { text.as_str() } else { text.trim_end() };
        let (x, y) = self.corner(from);
        let cells = u16::try_from(text.len()).expect("a row is short");
        let (base, width) = (y + 13.5, f32::from(cells) * WIDTH);
        _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{base:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" {}>{}</text>",
            look.attributes(),
            escaped(text)
        );
    }

    fn shape(&self, svg: &mut String, from: u16, to: u16, shape: &Shape, look: Look) {
        let (x, y) = self.corner(from);
        let (middle, centre) = (x + WIDTH / 2.0, y + HEIGHT / 2.0);
        let (right, bottom) = (x + f32::from(to - from) * WIDTH, y + HEIGHT);
        let opacity = if look.dim { " opacity=\".6\"" } else { "" };
        match shape {
            Shape::Lines { path, dashes } => {
                let path = path
                    .replace("{x}", &format!("{x:.1}"))
                    .replace("{y}", &format!("{y:.1}"))
                    .replace("{m}", &format!("{middle:.1}"))
                    .replace("{l}", &format!("{:.1}", middle - 1.5))
                    .replace("{n}", &format!("{:.1}", middle + 1.5))
                    .replace("{c}", &format!("{centre:.1}"))
                    .replace("{r}", &format!("{right:.1}"))
                    .replace("{b}", &format!("{bottom:.1}"));
                let dashes = if dashes.is_empty() {
                    String::new()
                } else {
                    format!(" stroke-dasharray=\"{dashes}\"")
                };
                // Lines that stand do not run on to the next cell.
                if path.contains('H') || to - from == 1 {
                    _ = writeln!(
                        svg,
                        "<path d=\"{path}\" fill=\"none\" stroke=\"#{:06x}\" stroke-width=\"1.2\"{dashes}{opacity}/>",
                        look.ink
                    );
                } else {
                    for column in from..to {
                        self.shape(svg, column, column + 1, shape, look);
                    }
                }
            }
            Shape::Block { height, strength } => {
                let (top, width, tall) = (bottom - HEIGHT * height, right - x, HEIGHT * height);
                _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{tall:.1}\" fill=\"#{:06x}\" fill-opacity=\"{strength}\"{opacity}/>",
                    look.ink
                );
            }
        }
    }
}

/// What is drawn instead of written.
enum Shape {
    /// A path in a cell: `{x}` left, `{m}` middle, `{l}` and `{n}` beside it, `{r}` the right end of the run; `{y}` top,
    /// `{c}` centre, `{b}` bottom.
    Lines { path: &'static str, dashes: &'static str },
    /// A block that stands on the ground of the cell.
    Block { height: f32, strength: f32 },
}

impl Shape {
    fn of(text: &str) -> Option<Self> {
        let lines = |path| Some(Self::Lines { path, dashes: "" });
        let block = |height, strength| Some(Self::Block { height, strength });
        match text {
            "─" => lines("M{x} {c}H{r}"),
            "┄" | "╌" => Some(Self::Lines { path: "M{x} {c}H{r}", dashes: "2.8 2.8" }),
            "│" => lines("M{m} {y}V{b}"),
            "╎" => Some(Self::Lines { path: "M{m} {y}V{b}", dashes: "5 4" }),
            "┆" => Some(Self::Lines { path: "M{m} {y}V{b}", dashes: "3 3" }),
            "║" => lines("M{l} {y}V{b}M{n} {y}V{b}"),
            "┌" => lines("M{m} {b}V{c}H{r}"),
            "┐" => lines("M{x} {c}H{m}V{b}"),
            "└" => lines("M{m} {y}V{c}H{r}"),
            "┘" => lines("M{x} {c}H{m}V{y}"),
            "├" => lines("M{m} {y}V{b}M{m} {c}H{r}"),
            "┤" => lines("M{m} {y}V{b}M{x} {c}H{m}"),
            "█" => block(1.0, 1.0),
            "▇" => block(0.875, 1.0),
            "▆" => block(0.75, 1.0),
            "▅" => block(0.625, 1.0),
            "▄" => block(0.5, 1.0),
            "▃" => block(0.375, 1.0),
            "▂" => block(0.25, 1.0),
            "▁" => block(0.125, 1.0),
            "░" => block(1.0, 0.25),
            "▒" => block(1.0, 0.5),
            "▓" => block(1.0, 0.75),
            _ => None,
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
