//! A file as it is served.

use flate2::{Compression, write::GzEncoder};
use std::{io::Write as _, sync::Arc};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A page.
    Html,
    /// A script.
    JavaScript,
    /// A style sheet.
    Css,
    /// An image.
    Svg,
    /// An image.
    Png,
}

impl Kind {
    /// By the ending of the name.
    pub fn of(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("js") => Self::JavaScript,
            Some("css") => Self::Css,
            Some("svg") => Self::Svg,
            Some("png") => Self::Png,
            _ => Self::Html,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::JavaScript => "text/javascript; charset=utf-8",
            Self::Css => "text/css; charset=utf-8",
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }
}

/// A file, as it is and compressed. Clones share it.
#[derive(Debug, Clone)]
pub struct File {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its bytes.
    pub plain: Arc<[u8]>,
    /// The same by gzip (RFC 1952).
    pub gzipped: Arc<[u8]>,
}

impl File {
    /// Of this kind and with these bytes.
    pub fn new(kind: Kind, bytes: Vec<u8>) -> Self {
        let plain: Arc<[u8]> = bytes.into();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let written = encoder.write_all(&plain).and_then(|()| encoder.finish());
        let gzipped = written.expect("memory takes all that is written").into();
        Self { content_type: kind.content_type(), plain, gzipped }
    }
}

/// The text without what only readers of the source need: comments that begin a line, and indentation. So no line of a
/// literal may begin like a comment.
pub fn lean(kind: Kind, source: &str) -> String {
    if !matches!(kind, Kind::JavaScript | Kind::Css) {
        return source.to_owned();
    }
    let mut lean = String::with_capacity(source.len());
    let mut is_comment = false;
    for line in source.lines() {
        let mut line = line.trim();
        is_comment |= line.starts_with("/*");
        if is_comment {
            let Some((_, after)) = line.split_once("*/") else { continue };
            (is_comment, line) = (false, after.trim_start());
        }
        let is_remark = kind == Kind::JavaScript && line.starts_with("//");
        if !line.is_empty() && !is_remark {
            lean.push_str(line);
            lean.push('\n');
        }
    }
    lean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_are_not_served() {
        let script = "/**\n * Adds.\n */\nexport function add(a, b) {\n  // Why.\n\n  return a + b // here\n}\n/* x */ add('//')\n";
        let served = "export function add(a, b) {\nreturn a + b // here\n}\nadd('//')\n";
        assert_eq!(lean(Kind::JavaScript, script), served);
        assert_eq!(
            lean(Kind::Css, "/* one */\na {\n  /* two\n     three */ color: red;\n}\n"),
            "a {\ncolor: red;\n}\n"
        );
        assert_eq!(lean(Kind::Html, "  <p>//\n"), "  <p>//\n");
    }
}
