//! Pictures for docs, made from recordings by what shows a run to people. A recording is the events of a run on mini, as
//! `tests/recorded/README.md` says.

use std::fmt::Write as _;
use std::num::NonZeroU16;

use anstyle::{Ansi256Color, Color, RgbColor, Style};
use anstyle_svg::{Palette, Term};

use super::read;
use crate::event::Record;
use crate::files::is_made;

/// The columns of a terminal in a picture, as many as a page of docs has room for.
pub(crate) const COLUMNS: u16 = 100;
/// More than any picture has.
pub(crate) const ROWS: u16 = 400;

const PAPER: RgbColor = RgbColor(0x0d, 0x11, 0x17);
const INK: RgbColor = RgbColor(0xe6, 0xed, 0xf3);
/// What a terminal dims, as it can still be read.
const DIMMED: RgbColor = RgbColor(0x9d, 0xa7, 0xb3);
/// The sixteen colours of terminals, as they can be read on [`PAPER`].
const COLOURS: Palette = {
    let (red, green, yellow) = (RgbColor(0xff, 0x7b, 0x72), RgbColor(0x56, 0xd3, 0x64), RgbColor(0xe3, 0xb3, 0x41));
    let (blue, magenta, cyan) = (RgbColor(0x79, 0xc0, 0xff), RgbColor(0xd2, 0xa8, 0xff), RgbColor(0x56, 0xd4, 0xdd));
    let all = [PAPER, red, green, yellow, blue, magenta, cyan, INK];
    Palette([
        all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7], all[0], all[1], all[2], all[3], all[4], all[5],
        all[6], all[7],
    ])
};

/// What was recorded.
pub(crate) fn recorded(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recorded/{name}.jsonl"));
    std::fs::read_to_string(path).unwrap()
}

/// The events of a recording; each is one that this program knows.
pub(crate) fn records(name: &str) -> Vec<Record> {
    let stream = read::stream(&recorded(name));
    assert_eq!(stream.unread, 0, "{name}");
    stream.records
}

/// The picture of this name is the one that docs have.
pub(crate) fn is_drawn(name: &str, svg: &str) {
    is_made(&format!("docs/pictures/{name}.svg"), svg);
}

/// A terminal of as many columns and rows, on which nothing stands.
pub(crate) fn terminal(columns: u16, rows: u16) -> vt100::Parser {
    let number = |n| NonZeroU16::new(n).unwrap();
    vt100::Parser::new(number(rows), number(columns), 0)
}

/// Lines as a terminal of as many columns shows them.
pub(crate) fn of_lines(lines: &str, columns: u16) -> String {
    let mut terminal = terminal(columns, ROWS);
    terminal.process(lines.replace('\n', "\r\n").as_bytes());
    of_screen(terminal.screen())
}

/// What stands on a terminal.
pub(crate) fn of_screen(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let line = |row| {
        let cells = (0..columns.get()).filter_map(|column| screen.cell(row, column));
        let (mut line, mut last) = (String::new(), Style::new());
        for cell in cells.filter(|cell| !cell.is_wide_continuation()) {
            let style = style(cell);
            if style != last {
                let _ = write!(line, "{last:#}{style}");
                last = style;
            }
            line += if cell.has_contents() { cell.contents() } else { " " };
        }
        let _ = write!(line, "{last:#}");
        line.trim_end().to_owned()
    };
    let lines: Vec<String> = (0..rows.get()).map(line).collect();
    let last = lines.iter().rposition(|line| !line.is_empty()).unwrap_or_default();
    let width = usize::from(columns.get()) * 42 / 5;
    let term = Term::new().palette(COLOURS).fg_color(INK.into()).bg_color(PAPER.into()).min_width_px(width);
    term.render_svg(&lines[..=last].join("\n"))
}

fn style(cell: &vt100::Cell) -> Style {
    let mut style = Style::new();
    match cell.fgcolor() {
        vt100::Color::Idx(colour) => style = style.fg_color(Some(Color::Ansi256(Ansi256Color(colour)))),
        _ if cell.dim() => style = style.fg_color(Some(DIMMED.into())),
        _ => {}
    }
    if cell.bold() { style.bold() } else { style }
}
