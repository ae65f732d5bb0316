//! Several measurements of one thing: their median, and how far they lie apart.

/// Measurements, in ascending order; never empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spread(Vec<f64>);

impl Spread {
    /// Panics without measurements: a run has at least one pair.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        assert!(!values.is_empty(), "there is at least one measurement");
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub(super) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 { self.0[middle] } else { f64::midpoint(self.0[middle - 1], self.0[middle]) }
    }

    pub(super) fn most(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    /// `12.3 (11.9–12.8)`: the median, the least and the most.
    pub(super) fn shown(&self, decimals: usize) -> String {
        let (least, most) = (self.0[0], self.most());
        format!("{:.decimals$} ({least:.decimals$}–{most:.decimals$})", self.median())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_the_spread_around_it() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!(Spread::of([3.0, 1.04, 2.0]).shown(1), "2.0 (1.0–3.0)");
    }
}
