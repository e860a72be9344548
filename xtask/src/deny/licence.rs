//! Licence expressions (SPDX, annex D), and the slash of older manifests.

/// Whether what is allowed is enough for an expression; what cannot be read is not.
pub(super) fn permits(expression: &str, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut tokens = text.split_whitespace().peekable();
    let is_permitted = alternatives(&mut tokens, is_allowed);
    is_permitted == Some(true) && tokens.next().is_none()
}

type Tokens<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

/// `AND` binds closer than `OR`.
fn alternatives(tokens: &mut Tokens, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut any = requirements(tokens, is_allowed)?;
    while tokens.next_if_eq(&"OR").is_some() {
        any |= requirements(tokens, is_allowed)?;
    }
    Some(any)
}

fn requirements(tokens: &mut Tokens, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut all = term(tokens, is_allowed)?;
    while tokens.next_if_eq(&"AND").is_some() {
        all &= term(tokens, is_allowed)?;
    }
    Some(all)
}

/// An exception (`WITH`) only adds permissions.
fn term(tokens: &mut Tokens, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let first = tokens.next()?;
    if first == "(" {
        let inner = alternatives(tokens, is_allowed)?;
        return tokens.next_if_eq(&")").map(|_| inner);
    }
    if tokens.next_if_eq(&"WITH").is_some() {
        tokens.next()?;
    }
    Some(is_allowed(first))
}

#[cfg(test)]
mod tests {
    use super::permits;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let is_allowed = |licence: &str| ["MIT", "Apache-2.0"].contains(&licence);
        let permitted = |expression| permits(expression, &is_allowed);
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Unlicense",
            "Apache-2.0 WITH LLVM-exception",
            "(GPL-3.0 OR MIT) AND MIT",
            "GPL-3.0 AND ISC OR MIT",
        ] {
            assert!(permitted(good), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND ISC", "MIT OR", "(MIT", "MIT MIT"] {
            assert!(!permitted(bad), "{bad}");
        }
    }
}
