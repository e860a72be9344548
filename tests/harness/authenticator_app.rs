//! An authenticator app on somebody's phone.

use testkit::now;
use totp_rs::{Builder, Totp};

/// How long an app shows a code, in seconds.
const STEP: i64 = 30;

/// An app that has been given a secret.
pub struct AuthenticatorApp(Totp);

impl AuthenticatorApp {
    /// Takes a secret in base32.
    ///
    /// # Panics
    /// If it is not one of 160 bits.
    #[must_use]
    pub fn with(secret: &str) -> Self {
        let mut bits = secret.chars().flat_map(|letter| {
            let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("a character of base32");
            (0..5).rev().map(move |place| u8::from(value >> place & 1 == 1))
        });
        let bytes: [u8; 20] = std::array::from_fn(|_| {
            (0..8).fold(0, |byte, _| byte << 1 | bits.next().expect("as many characters as 160 bits have"))
        });
        assert_eq!(bits.next(), None, "no more than 160 bits");
        Self(Builder::new().with_secret(bytes).build_noncompliant())
    }

    /// The code that it shows now.
    #[must_use]
    pub fn code(&self) -> String {
        self.code_at(now())
    }

    /// The code that it shows next: it is good already.
    #[must_use]
    pub fn next_code(&self) -> String {
        self.code_at(now() + STEP)
    }

    /// The code that it shows at a time in seconds since 1970.
    ///
    /// # Panics
    /// Before that.
    #[must_use]
    pub fn code_at(&self, secs: i64) -> String {
        self.0.generate(u64::try_from(secs).expect("after 1970")).to_string()
    }

    /// A code that it does not show for some minutes.
    ///
    /// # Panics
    /// Never: there are a million codes.
    #[must_use]
    pub fn wrong_code(&self) -> String {
        let good: Vec<String> = (0..20).map(|step| self.code_at(now() - 5 * STEP + step * STEP)).collect();
        let code = (0..).map(|number| format!("{number:06}")).find(|code| !good.contains(code));
        code.expect("most codes are wrong")
    }
}
