//! How somebody has shown who they are, and how much that is worth.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::fmt;

/// One way of showing who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The password.
    Password,
    /// A code from a mail.
    Mail,
    /// A code from an authenticator app (TOTP).
    Totp,
    /// A recovery code, in place of what was lost.
    RecoveryCode,
    /// A passkey that stays on its device; the device has verified the user.
    Passkey,
    /// A passkey that may be copied between the user's devices; the device has verified the user.
    SyncedPasskey,
    /// The browser is one on which the second factor was shown before. Proves nothing: it only spares the question.
    TrustedDevice,
}

impl Method {
    const ALL: [Self; 7] = [
        Self::Password,
        Self::Mail,
        Self::Totp,
        Self::RecoveryCode,
        Self::Passkey,
        Self::SyncedPasskey,
        Self::TrustedDevice,
    ];

    /// The name in the claim `amr` (RFC 8176, and `email`, `recovery` and `trusted`, which it lacks).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Mail => "email",
            Self::Totp => "otp",
            Self::RecoveryCode => "recovery",
            Self::Passkey => "hwk",
            Self::SyncedPasskey => "swk",
            Self::TrustedDevice => "trusted",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// How much is shown, in ascending order: the claim `acr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// One factor, or it is not known.
    One,
    /// Two factors.
    Two,
    /// Two factors that cannot be phished.
    PhishingResistant,
}

impl Level {
    /// All levels, ascending.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::PhishingResistant];

    /// The value of `acr`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
            Self::PhishingResistant => "phr",
        }
    }
}

/// A set of methods: what was shown at one time. Empty: it is not known, as of sessions that began in an earlier version.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Methods(u8);

impl Methods {
    /// From a byte of a session's record. `None`: it names a method that this version does not know.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        if byte >> Method::ALL.len() == 0 { Some(Self(byte)) } else { None }
    }

    /// Everything at once: for the longest token.
    #[must_use]
    pub fn all() -> Self {
        Method::ALL.into_iter().fold(Self::default(), Self::and)
    }

    /// As a byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// These and one more.
    #[must_use]
    pub const fn and(self, method: Method) -> Self {
        Self(self.0 | method.bit())
    }

    /// Whether a method is among these.
    #[must_use]
    pub const fn has(self, method: Method) -> bool {
        self.0 & method.bit() != 0
    }

    /// Whether it is not known what was shown.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// How much they are worth together.
    #[must_use]
    pub const fn level(self) -> Level {
        if self.has(Method::Passkey) || self.has(Method::SyncedPasskey) {
            Level::PhishingResistant
        } else if (self.has(Method::Password) || self.has(Method::Mail))
            && (self.has(Method::Totp) || self.has(Method::RecoveryCode))
        {
            Level::Two
        } else {
            Level::One
        }
    }

    /// The claim `amr`: what was shown, that a device has verified the user, and that there was more than one factor.
    #[must_use]
    pub fn amr(self) -> Vec<String> {
        let shown = self.iter().filter(|method| *method != Method::TrustedDevice).map(Method::name);
        let by_device = (self.level() == Level::PhishingResistant).then_some("user");
        let of_several = (self.level() > Level::One).then_some("mfa");
        shown.chain(by_device).chain(of_several).map(str::to_owned).collect()
    }

    fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().filter(move |method| self.has(*method))
    }
}

impl From<Method> for Methods {
    fn from(method: Method) -> Self {
        Self::default().and(method)
    }
}

/// The names, separated by `+`.
impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, method) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("+")?;
            }
            f.write_str(method.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Methods({self})")
    }
}

/// As the names of all methods, `trusted` among them.
impl Serialize for Methods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Method::name))
    }
}

impl<'de> Deserialize<'de> for Methods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut methods = Self::default();
        for name in Vec::<String>::deserialize(deserializer)? {
            let method = Method::ALL.into_iter().find(|method| method.name() == name);
            methods = methods.and(method.ok_or_else(|| D::Error::custom("unknown method"))?);
        }
        Ok(methods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn methods(list: &[Method]) -> Methods {
        list.iter().fold(Methods::default(), |methods, method| methods.and(*method))
    }

    #[test]
    fn two_factors_are_one_that_is_known_or_reached_and_one_that_is_held() {
        for first in [Method::Password, Method::Mail] {
            for second in [Method::Totp, Method::RecoveryCode] {
                assert_eq!(methods(&[first, second]).level(), Level::Two, "{first:?} {second:?}");
            }
        }
        let less = [
            &[][..],
            &[Method::Password, Method::Mail],
            &[Method::Totp, Method::RecoveryCode],
            &[Method::Password, Method::TrustedDevice],
        ];
        for list in less {
            assert_eq!(methods(list).level(), Level::One, "{list:?}");
        }
    }

    #[test]
    fn a_passkey_alone_is_two_factors_that_cannot_be_phished() {
        for passkey in [Method::Passkey, Method::SyncedPasskey] {
            assert_eq!(Methods::from(passkey).level(), Level::PhishingResistant);
            assert_eq!(Methods::from(passkey).amr(), [passkey.name(), "user", "mfa"]);
        }
        assert!(Level::ALL.is_sorted());
    }

    #[test]
    fn verifiers_know_the_levels_and_their_order() {
        use jeton_verifier::guard;
        let known = [guard::Level::ONE_FACTOR, guard::Level::TWO_FACTORS, guard::Level::PHISHING_RESISTANT];
        for (place, wanted) in known.iter().enumerate() {
            let satisfying: Vec<&str> = Level::ALL[place..].iter().map(|level| level.name()).collect();
            assert_eq!(wanted.satisfying().collect::<Vec<_>>(), satisfying);
        }
    }

    #[test]
    fn a_trusted_device_is_no_method_of_authentication() {
        assert_eq!(methods(&[Method::Password, Method::TrustedDevice]).amr(), ["pwd"]);
        assert_eq!(methods(&[Method::Password, Method::Totp]).amr(), ["pwd", "otp", "mfa"]);
        assert!(Methods::default().amr().is_empty());
    }

    #[test]
    fn every_set_is_read_back_and_an_unknown_method_is_refused() {
        for byte in 0..=u8::MAX {
            let set = Methods::from_byte(byte);
            assert_eq!(set.is_some(), byte < 1 << 7);
            let Some(set) = set else { continue };
            let text = serde_json::to_string(&set).unwrap();
            assert_eq!((set.byte(), serde_json::from_str::<Methods>(&text).unwrap()), (byte, set));
        }
        assert!(serde_json::from_str::<Methods>(r#"["pwd","face"]"#).is_err());
    }
}
