//! A row for each number.

/// What a number should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_met(self, number: f64) -> bool {
        match self {
            Self::AtLeast(bound) => number >= bound,
            Self::AtMost(bound) => number <= bound,
        }
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtLeast(bound) => format!("≥ {bound}{unit}"),
            Self::AtMost(bound) => format!("≤ {bound}{unit}"),
        }
    }
}

/// What was measured so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<String>,
    missed: usize,
}

impl Report {
    /// Prints the parts of a number as soon as they are known.
    pub(crate) fn detail(&self, text: &str) {
        println!("    {text}");
    }

    /// A number that has a goal. `unit` follows the number: ` ms`, or nothing for a ratio.
    pub(crate) fn row(&mut self, what: &str, number: f64, unit: &str, goal: Goal) {
        let word = if goal.is_met(number) { "met" } else { "missed" };
        self.missed += usize::from(word == "missed");
        println!("{what}: {number:.2}{unit} ({word}: {})", goal.text(unit));
        self.rows.push(format!("| {what} | {} | {number:.2}{unit} | {word} |", goal.text(unit)));
    }

    /// Prints the table, as in the documentation.
    pub(crate) fn conclude(self) {
        println!("\n| what | goal | measured | |\n| --- | --- | --- | --- |");
        self.rows.iter().for_each(|row| println!("{row}"));
        println!("\n{} of {} goals met", self.rows.len() - self.missed, self.rows.len());
    }
}
