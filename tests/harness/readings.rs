//! How applications read a path, and what they serve for its other spellings. Each is as lenient as an application of
//! its kind can be configured to be.

use std::borrow::Cow;

/// A kind of application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Tomcat, and other servlet containers: what follows a `;` within a segment, encoded or not, is a parameter, and `\` is
    /// `/`.
    Tomcat,
    /// IIS with ASP.NET: decodes `%u002e`, overlong UTF-8 and what was encoded twice; takes any case of letters and the
    /// characters that look like a dot or a slash; ends a segment before dots, spaces and `:`; takes `/(S(x))` for the session
    /// of a client without cookies, and removes it.
    Iis,
    /// Express with a path from `path.normalize`: decodes once, takes any case of letters.
    Express,
    /// Rails, Django REST, Struts and others: a segment ends before a format (`.json`), a method (`!delete`) or a parameter
    /// (`,x`).
    Formats,
    /// PHP and CGI: what follows the name of a script is the path that it serves.
    Script,
}

/// The endings of scripts' names.
const SCRIPTS: [&str; 4] = [".php", ".cgi", ".fcgi", ".py"];

impl Reading {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Tomcat, Self::Iis, Self::Express, Self::Formats, Self::Script];

    /// What is served for a request target: a path in its plainest form.
    #[must_use]
    pub fn of(self, target: &str) -> String {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        match self {
            Self::Tomcat => {
                let without_parameters = |path: &str| {
                    let segments: Vec<&str> = path.split('/').map(|segment| before(segment, ";")).collect();
                    segments.join("/")
                };
                plain(&without_parameters(&decoded(&without_parameters(path)).replace('\\', "/")))
            }
            Self::Iis => {
                let path = plain_letters(&decoded(&decoded(path))).to_lowercase().replace('\\', "/");
                let path = without_cookieless_sessions(&path);
                let segments = path.split('/').map(|segment| match segment {
                    "." | ".." => segment,
                    _ => before(segment, ":\0").trim_end_matches(['.', ' ']),
                });
                plain(&segments.collect::<Vec<_>>().join("/"))
            }
            Self::Express => plain(&decoded(path).to_lowercase()),
            Self::Formats => {
                let path = plain(&decoded(path).to_lowercase());
                let segments: Vec<&str> = path.split('/').map(without_format).collect();
                plain(&segments.join("/"))
            }
            Self::Script => {
                let path = plain(&decoded(path).to_lowercase());
                let script = SCRIPTS.iter().filter_map(|end| path.split_once(&format!("{end}/"))).next();
                plain(&format!("/{}", script.map_or(path.as_str(), |(_, rest)| rest)))
            }
        }
    }
}

fn before<'a>(text: &'a str, ends: &str) -> &'a str {
    text.split(|letter| ends.contains(letter)).next().unwrap_or_default()
}

/// A name without its format; one that begins with a dot has none.
fn without_format(segment: &str) -> &str {
    let end = segment.trim_start_matches('.').find(['.', '!', ',']);
    end.map_or(segment, |end| &segment[..segment.len() - segment.trim_start_matches('.').len() + end])
}

/// Without each `/(S(x))`, `/(A(x)F(y))` and the like.
fn without_cookieless_sessions(path: &str) -> String {
    let Some((before, rest)) = path.split_once("/(") else { return path.to_owned() };
    match rest.split_once("))") {
        Some((session, after)) if session.contains('(') => format!("{before}{}", without_cookieless_sessions(after)),
        _ => path.to_owned(),
    }
}

/// Percent-decoded once, overlong forms and `%u` included; what cannot be decoded stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        let (byte, length) = match (hex(rest, 1..3), hex(rest, 2..6)) {
            (Some(byte), _) if first == b'%' => (byte, 3),
            // Only ASCII matters here.
            (_, Some(code)) if rest.starts_with("%u") => (code & 0x7F, 6),
            _ => (u32::from(first), 1),
        };
        bytes.extend(u8::try_from(byte));
        let next = (length..=rest.len()).find(|&end| rest.is_char_boundary(end)).unwrap_or(rest.len());
        bytes.extend(rest.as_bytes().get(length..next).unwrap_or_default());
        rest = &rest[next..];
    }
    shortest(&bytes)
}

fn hex(text: &str, range: std::ops::Range<usize>) -> Option<u32> {
    u32::from_str_radix(text.get(range)?, 16).ok()
}

/// UTF-8, in which a character may also be written with more bytes than it needs.
fn shortest(bytes: &[u8]) -> String {
    let mut plain = Vec::new();
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        let letter = |byte: u8| byte & 0x3F;
        let (next, byte) = match (first, after) {
            (0xC0 | 0xC1, [second, after @ ..]) => (after, (first & 1) << 6 | letter(*second)),
            (0xE0, [second @ (0x80 | 0x81), third, after @ ..]) => (after, (second & 1) << 6 | letter(*third)),
            _ => (after, first),
        };
        plain.push(byte);
        rest = next;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Windows' best fit for what looks like a slash, a backslash, a dot or an ordinary letter.
fn plain_letters(text: &str) -> String {
    let fitting = |letter: char| match letter {
        '\u{2215}' | '\u{2044}' => '/',
        '\u{2216}' => '\\',
        '\u{2024}' | '\u{FE52}' => '.',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(letter) - 0xFEE0).unwrap_or(letter),
        _ => letter,
    };
    text.chars().map(fitting).collect()
}

/// Without empty segments and detours.
fn plain(path: &str) -> String {
    let mut segments: Vec<Cow<'_, str>> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment.into()),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_application_reads_paths_in_its_own_way() {
        let read = |target: &str| Reading::ALL.map(|reading| reading.of(target));
        let [detour, parameter, upper] = ["/public/../books?x", "/public/..;/books", "/BOOKS"].map(read);
        assert_eq!(detour, ["/books"; 5]);
        assert_eq!(parameter[..2], ["/books", "/public/..;/books"]);
        assert_eq!(upper[..3], ["/BOOKS", "/books", "/books"]);
        assert_eq!(read("/public/%252e%252e/books")[1], "/books");
        assert_eq!(read("/public/%u002e./books")[1], "/books");
        assert_eq!(read("/public/%c0%ae%e0%80%ae%c0%afbooks. ")[..3], ["/books. ", "/books", "/books. "]);
        assert_eq!(read("/public/..\\books::$DATA")[..3], ["/books::$DATA", "/books", "/public/..\\books::$data"]);
        assert_eq!(read("/\u{FF42}ook%53")[1], "/books");
        for path in ["/(S(a))/books", "/b/(S(a))ooks", "/(A(x)S(y))/books", "/(S(a))/(F(b))/books"] {
            assert_eq!(read(path)[1], "/books", "{path}");
        }
        for path in ["/books.json", "/books!delete", "/books,x"] {
            assert_eq!(read(path)[3], "/books", "{path}");
        }
        assert_eq!(read("/public/.x/..y/v1.0")[3], "/public/.x/..y/v1");
        assert_eq!(read("/public/index.php/books")[4], "/books");
    }
}
