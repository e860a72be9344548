//! Libraries of other languages mint tokens, as an attacker would with them: resource-service accepts only the good
//! ones.

use crate::{
    peer::Program,
    report::Report,
    tokens::{Wish, wishes},
};
use harness::{Answer, Stack, forge::Issuer};

/// oauth4webapi mints no tokens, and in Go and Java there is no library.
const MINTERS: [(&str, Program); 4] = [
    ("PyJWT", Program::Python("mint.py", "pyjwt")),
    ("joserfc", Program::Python("mint.py", "joserfc")),
    ("Authlib", Program::Python("mint.py", "authlib")),
    ("jose", Program::Node("mint.mjs", &[])),
];

/// The issuer that resource-service is configured with.
const ISSUER: &str = "https://issuer.example";

/// Has every library mint every token.
pub(crate) async fn check(report: &mut Report) {
    let (issuer, evil) = (Issuer::new(ISSUER), Issuer::new(ISSUER));
    let stack = Stack::resource_alone(&issuer).await;
    for (library, program) in MINTERS {
        let mut minter = program.start(&[]);
        for wish in wishes(&issuer, &evil) {
            let (what, outcome) = match minter.ask(&wish.line(&issuer, &evil)).await {
                Ok((word, token)) if word == "token" => judged(&stack, &wish, &token).await,
                // A library may decline to mint bad tokens, and only those.
                Ok((word, _)) if word == "refused" && !wish.is_good => ("will not even mint", Ok(())),
                Ok((word, rest)) => ("mints", Err(format!("{word} {rest}"))),
                Err(instead) => ("mints", Err(instead)),
            };
            report.check(library, &format!("{what} {}", wish.what), outcome);
        }
    }
}

async fn judged(stack: &Stack, wish: &Wish, token: &str) -> (&'static str, Result<(), String>) {
    let answer = stack.resource.whoami_as(token).await;
    if wish.is_good {
        let is_let_in = answer.status == 200 && answer["sub"] == wish.claims["sub"];
        return ("is let in with", if is_let_in { Ok(()) } else { Err(in_one_line(&answer)) });
    }
    let code = if wish.what == "expired" { "token_expired" } else { "token_invalid" };
    let is_refused = (answer.status, &answer["code"]) == (401, &code.into())
        && answer.header("content-type") == "application/problem+json"
        && answer.header("www-authenticate").contains(r#"error="invalid_token""#);
    ("is refused with", if is_refused { Ok(()) } else { Err(in_one_line(&answer)) })
}

fn in_one_line(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, answer.header("www-authenticate"), answer.body)
}
