//! Rates, as settings write them: `300/15m`, or several that all apply.

use shared::settings;
use std::{fmt, str::FromStr, time::Duration};

/// The highest number in a rate: more than a machine can answer, so it limits nothing.
const MAX_NUMBER: u32 = 1_000_000;

/// `most` at once, and as many more in each time `within`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number.
    pub most: u32,
    /// The time in which the number applies.
    pub within: Duration,
}

/// Rates that all apply; without any, there is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates {
    pub(super) rates: Vec<Rate>,
    text: String,
}

/// The text is not a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a rate: write a number up to 1000000 and a time from 1s to 30d as 300/15m, or several that all apply as 300/15m,1500/1d; off or 0: no limit"
)]
pub struct NoRate;

impl Rate {
    /// The same with `factor` times as much.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self { most: self.most.saturating_mul(factor), ..self }
    }
}

impl Rates {
    /// The same with `factor` times as much.
    #[must_use]
    pub fn times(&self, factor: u32) -> Self {
        Self { rates: self.rates.iter().map(|rate| rate.times(factor)).collect(), text: self.text.clone() }
    }
}

impl FromStr for Rates {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        if ["off", "0"].contains(&text) {
            return Ok(Self::default());
        }
        let rates = text.split(',').map(|rate| rate.trim().parse()).collect::<Result<_, _>>()?;
        Ok(Self { rates, text: text.to_owned() })
    }
}

impl FromStr for Rate {
    type Err = NoRate;

    fn from_str(text: &str) -> Result<Self, NoRate> {
        let (most, within) = text.split_once('/').ok_or(NoRate)?;
        let most = most.parse().ok().filter(|most| (1..=MAX_NUMBER).contains(most)).ok_or(NoRate)?;
        let within = settings::duration(within).map_err(|_| NoRate)?;
        let is_sensible = (Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600)).contains(&within);
        if is_sensible { Ok(Self { most, within }) } else { Err(NoRate) }
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_parsed_as_people_write_them() {
        for text in ["300/15m", "60/20s, 1500/1d", "1/1s", "1000000/30d"] {
            assert_eq!(text.parse::<Rates>().map(|rates| rates.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "5", "0/1m", "-1/1m", "5/0s", "5/soon", "5/1m,", "5/31d", "1000001/1m", "off,5/1m"] {
            assert_eq!(text.parse::<Rates>(), Err(NoRate), "{text}");
        }
    }
}
