//! A QR code, as pages draw it.

use qrcode::{Color, EcLevel, QrCode};
use serde::Serialize;
use std::fmt::Write as _;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// The light border that readers need, in modules (ISO/IEC 18004, 6.3.8).
const QUIET: usize = 4;

/// A QR code as a path of SVG. It may hold a secret, and is wiped when dropped.
#[derive(Serialize, ToSchema)]
#[schema(as = QrCode)]
pub struct Drawn {
    /// The width and the height of the picture (`viewBox="0 0 size size"`), with its light border.
    size: usize,
    /// The dark squares: the `d` of a `path`.
    #[schema(value_type = String)]
    path: Zeroizing<String>,
}

impl Drawn {
    /// Of a text; `None`: it is too long for a QR code.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let (width, colors) = (code.width(), Zeroizing::new(code.to_colors().iter().map(is_dark).collect::<Vec<_>>()));
        // No dark run is drawn in fewer characters.
        let mut path = Zeroizing::new(String::with_capacity(colors.len() * 8));
        for (y, row) in colors.chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(PartialEq::eq) {
                if run.first() == Some(&true) {
                    write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET, length = run.len())
                        .expect("a text takes every character");
                }
                x += run.len();
            }
        }
        Some(Self { size: width + 2 * QUIET, path })
    }
}

fn is_dark(color: &Color) -> bool {
    *color == Color::Dark
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The squares that the path fills.
    fn filled(drawn: &Drawn) -> Vec<(usize, usize)> {
        let mut squares = Vec::new();
        for run in drawn.path.split('M').skip(1) {
            let (start, rest) = run.split_once('h').expect("a run has a length");
            let (x, y) = start.split_once(' ').expect("a run has a start");
            let (length, rest) = rest.split_once('v').expect("a run has a height");
            assert_eq!(rest, format!("1h-{length}z"));
            let (x, y, length): (usize, usize, usize) =
                (x.parse().unwrap(), y.parse().unwrap(), length.parse().unwrap());
            squares.extend((x..x + length).map(|x| (x, y)));
        }
        squares
    }

    #[test]
    fn the_path_fills_exactly_the_dark_squares_inside_a_light_border() {
        let text = "otpauth://totp/auth%2Eexample%2Ecom:ada%40example%2Ecom?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let (code, drawn) = (QrCode::with_error_correction_level(text, EcLevel::M).unwrap(), Drawn::of(text).unwrap());
        assert_eq!(drawn.size, code.width() + 8);
        let mut expected = Vec::new();
        for y in 0..code.width() {
            expected.extend((0..code.width()).filter(|x| code[(*x, y)] == Color::Dark).map(|x| (x + 4, y + 4)));
        }
        assert_eq!(filled(&drawn), expected);
    }

    #[test]
    fn what_no_code_can_hold_is_not_drawn() {
        assert!(Drawn::of(&"x".repeat(5000)).is_none());
    }
}
