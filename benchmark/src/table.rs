//! The table that is printed.

/// What a ratio must be.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Nothing: for information.
    None,
    /// At most this.
    Most(f64),
    /// At least this.
    Least(f64),
}

impl Target {
    /// In words, and whether `value` is so.
    pub fn judge(self, value: f64) -> (String, &'static str) {
        let word = |met: bool| if met { "yes" } else { "NO" };
        match self {
            Self::None => (String::new(), ""),
            Self::Most(most) => (format!("<= {}", short(most)), word(value <= most)),
            Self::Least(least) => (format!(">= {}", short(least)), word(value >= least)),
        }
    }
}

/// One line: a figure, what it is compared with, and the judgement.
#[derive(Clone, Debug)]
pub struct Row {
    cells: [String; 7],
}

impl Row {
    /// The heading.
    pub fn heading() -> Self {
        Self { cells: ["figure", "base", "ours", "ratio", "of all rounds", "target", "met"].map(str::to_owned) }
    }

    /// Two values for each round: the middle of each, and the middle of the ratios within a round.
    pub fn ratio(figure: &str, base: &[f64], ours: &[f64], target: Target) -> Self {
        let ratios: Vec<f64> = base.iter().zip(ours).map(|(base, ours)| ours / base).collect();
        let ratio = median(&ratios);
        let (target, met) = target.judge(ratio);
        let cells = [figure, &short(median(base)), &short(median(ours)), &three(ratio), &range(&ratios), &target, met];
        Self { cells: cells.map(str::to_owned) }
    }

    /// One value for each round, without a base.
    pub fn plain(figure: &str, ours: &[f64], target: Target) -> Self {
        let value = median(ours);
        let (target, met) = target.judge(value);
        let cells = [figure, "", &short(value), "", "", &target, met];
        Self { cells: cells.map(str::to_owned) }
    }
}

/// Prints rows with aligned columns.
pub fn print(rows: &[Row]) {
    let width = |column: usize| rows.iter().map(|row| row.cells[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..7).map(width).collect();
    for (index, row) in rows.iter().enumerate() {
        let cell = |(column, text): (usize, &String)| {
            let width = widths[column];
            if column == 0 || column > 3 { format!("{text:<width$}") } else { format!("{text:>width$}") }
        };
        println!("| {} |", row.cells.iter().enumerate().map(cell).collect::<Vec<_>>().join(" | "));
        if index == 0 {
            let line = |(column, width): (usize, &usize)| {
                if column == 0 || column > 3 { "-".repeat(*width) } else { "-".repeat(width - 1) + ":" }
            };
            println!("| {} |", widths.iter().enumerate().map(line).collect::<Vec<_>>().join(" | "));
        }
    }
}

/// The middle one; the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => (value + sorted[middle - 1]) / 2.0,
        (None, _) => f64::NAN,
    }
}

fn range(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() < 2 { String::new() } else { format!("{} to {}", three(least), three(most)) }
}

fn three(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// A number as people read it.
pub fn short(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 && value.abs() < 1e6 => format!("{value:.0}"),
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_judgement() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[1.0, 4.0, 2.0, 3.0]), 2.5);
        assert_eq!(Target::Most(1.25).judge(1.25).1, "yes");
        assert_eq!(Target::Least(1.0).judge(0.9).1, "NO");
        let row = Row::ratio("x", &[10.0, 20.0, 10.0], &[11.0, 30.0, 12.0], Target::Most(1.25));
        assert_eq!(row.cells, ["x", "10", "12", "1.200", "1.100 to 1.500", "<= 1.25", "yes"]);
    }
}
