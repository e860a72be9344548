//! PEM files (RFC 7468): blocks between two lines, with any text around them.

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// One block. A broken one does not affect the others.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    /// What stands between the two lines; `None` if the second is missing.
    pub(super) body: Option<&'a str>,
}

/// All blocks in their order.
pub(super) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        let Some((label, after)) = begun.split_once(DASHES) else {
            blocks.push(Block { label: begun.lines().next().unwrap_or_default(), body: None });
            break;
        };
        // Base64 has no dashes: the next one belongs to the end of this block, or to the beginning of another.
        let (body, tail) = after.split_at(after.find(DASHES).unwrap_or(after.len()));
        let end = tail.strip_prefix(&format!("-----END {label}-----"));
        blocks.push(Block { label, body: end.map(|_| body) });
        rest = end.unwrap_or(tail);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(&str, Option<&str>)> {
        blocks(text).into_iter().map(|block| (block.label, block.body.map(str::trim))).collect()
    }

    #[test]
    fn a_block_without_its_end_takes_nothing_from_the_next() {
        let good = "-----BEGIN B-----\nBB\n-----END B-----\n";
        for broken in [
            "-----BEGIN A-----\nAA\n",
            "-----BEGIN A-----\nAA\n-----END C-----\n",
            "-----BEGIN A-----",
            "-----BEGIN A\nAA\n-----END A-----\n",
        ] {
            let text = format!("{broken}{good}");
            let found = shown(&text);
            assert_eq!(found.len(), 2, "{found:?}");
            assert_eq!((found[0].1, found[1]), (None, ("B", Some("BB"))), "{found:?}");
        }
    }

    #[test]
    fn text_around_blocks_is_ignored() {
        let text =
            "# mine\r\n-----BEGIN A-----\r\nAA\r\nAA\r\n-----END A-----\r\nand -- here ----- more\r\n-----END A-----";
        assert_eq!(shown(text), [("A", Some("AA\r\nAA"))]);
        assert_eq!(shown("nothing ----- here"), []);
    }
}
