//! Crockford's base32, in which codes are shown to people and typed by them: without I, L, O and U.

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What a person may type around and between the characters.
const SEPARATORS: [char; 6] = ['-', ' ', '\u{2010}', '\u{2011}', '\u{2013}', '\u{00A0}'];

/// The character for the lowest five bits.
pub(super) fn letter(bits: u8) -> char {
    char::from(ALPHABET[usize::from(bits & 31)])
}

/// The five bits of each character that a person typed: in either case, with or without separators, and with letters that
/// look like those of the alphabet, also Cyrillic ones. `None`: it is none of these.
pub(super) fn typed(text: &str) -> impl Iterator<Item = Option<u8>> {
    text.chars().filter(|letter| !SEPARATORS.contains(letter)).map(value)
}

/// The five bits of a character, or of one that looks like it.
fn value(letter: char) -> Option<u8> {
    let letter = match letter.to_uppercase().next()? {
        'O' | 'О' => '0',
        'I' | 'L' | 'І' => '1',
        'А' => 'A',
        'В' => 'B',
        'С' => 'C',
        'Е' => 'E',
        'Н' => 'H',
        'К' => 'K',
        'М' => 'M',
        'Р' => 'P',
        'Т' => 'T',
        'Х' => 'X',
        'У' => 'Y',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| char::from(*known) == letter)?;
    u8::try_from(place).ok()
}
