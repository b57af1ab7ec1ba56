//! Draws text, lines, rectangles and marks at whole pixels of an SVG document.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, Drawable, PathElement, PointCollection, Polygon, Rectangle};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, TextStyle};

/// The width of every chart.
pub(super) const WIDTH: i32 = 1040;

pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(super) const PALE: RGBColor = RGBColor(0x66, 0x66, 0x66);
pub(super) const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);
pub(super) const FINE_GRID: RGBColor = RGBColor(0xf0, 0xf0, 0xf0);
const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);

/// The backend writes sizes divided by this.
const FONT_SCALE: f64 = 1.24;

/// A position in pixels from the upper left corner.
pub(super) type Point = (i32, i32);

/// The style of a text. Its position is vertically in its middle.
#[derive(Clone, Copy)]
pub(super) struct TextLook {
    pub(super) size: f64,
    pub(super) colour: RGBColor,
    pub(super) bold: bool,
    pub(super) side: HPos,
}

impl TextLook {
    /// The text begins at its position.
    pub(super) const PLAIN: Self = Self { size: 13.0, colour: INK, bold: false, side: HPos::Left };
    /// The text ends at its position.
    pub(super) const RIGHT: Self = Self { side: HPos::Right, ..Self::PLAIN };
    /// The text is centred on its position.
    pub(super) const CENTRE: Self = Self { side: HPos::Center, ..Self::PLAIN };
}

/// An SVG document that is being written.
pub(super) struct Canvas<'a>(DrawingArea<SVGBackend<'a>, Shift>);

impl<'a> Canvas<'a> {
    pub(super) fn new(svg: &'a mut String, height: i32) -> Self {
        let height = height.max(1).unsigned_abs();
        let area = SVGBackend::with_string(svg, (WIDTH.unsigned_abs(), height)).into_drawing_area();
        area.fill(&PAPER).expect("strings take everything");
        Self(area)
    }

    pub(super) fn text(&self, text: &str, at: Point, look: TextLook) {
        let font = ("sans-serif", look.size * FONT_SCALE).into_font();
        let font = if look.bold { font.style(FontStyle::Bold) } else { font };
        let style: TextStyle<'_> = font.color(&look.colour).pos(Pos::new(look.side, VPos::Center));
        self.draw(&plotters::element::Text::new(text, at, style));
    }

    pub(super) fn line(&self, from: Point, to: Point, colour: RGBColor, width: u32) {
        self.path(vec![from, to], colour, width);
    }

    pub(super) fn path(&self, places: Vec<Point>, colour: RGBColor, width: u32) {
        self.draw(&PathElement::new(places, colour.stroke_width(width)));
    }

    pub(super) fn rectangle(&self, from: Point, to: Point, colour: RGBColor) {
        self.draw(&Rectangle::new([from, to], colour.filled()));
    }

    /// Draws a mark in one of ten forms: five shapes filled, then the same hollow.
    pub(super) fn mark(&self, (x, y): Point, form: usize, colour: RGBColor) {
        let hollow = form / 5 % 2 == 1;
        let shape = match form % 5 {
            0 => {
                self.draw(&Circle::new((x, y), 4, colour.filled()));
                if hollow {
                    self.draw(&Circle::new((x, y), 2, PAPER.filled()));
                }
                return;
            }
            1 => |x, y, r| vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)],
            2 => |x, y, r| vec![(x, y - r - 1), (x + r + 1, y + r), (x - r - 1, y + r)],
            3 => |x, y, r| vec![(x, y - r - 1), (x + r + 1, y), (x, y + r + 1), (x - r - 1, y)],
            _ => |x, y, r| vec![(x - r - 1, y - r), (x + r + 1, y - r), (x, y + r + 1)],
        };
        let shape: fn(i32, i32, i32) -> Vec<Point> = shape;
        self.draw(&Polygon::new(shape(x, y, 4), colour.filled()));
        if hollow {
            self.draw(&Polygon::new(shape(x, y, 2), PAPER.filled()));
        }
    }

    pub(super) fn finish(self) {
        self.0.present().expect("strings take everything");
    }

    fn draw<'b, E>(&self, element: &'b E)
    where
        &'b E: PointCollection<'b, Point>,
        E: Drawable<SVGBackend<'a>>,
    {
        self.0.draw(element).expect("strings take everything");
    }
}

/// The nearest pixel.
#[expect(clippy::cast_possible_truncation, reason = "clamped to what no chart is as large as")]
pub(super) fn pixel(place: f64) -> i32 {
    place.clamp(-1e6, 1e6).round() as i32
}

/// An upper estimate of a text's width in pixels at ordinary size. Viewers use different fonts.
pub(super) fn width(text: &str) -> i32 {
    text.chars().map(character_width).sum()
}

pub(super) fn character_width(character: char) -> i32 {
    match character {
        'a'..='l' | 'n'..='v' | 'x'..='z' | '0'..='9' | ' '..='/' | ':' | ';' => 8,
        'A'..='L' | 'N'..='V' | 'X'..='Z' | '_' | '•' => 10,
        _ => 16,
    }
}
