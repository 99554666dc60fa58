//! Percentiles.

/// Values in order.
#[derive(Clone, Debug)]
pub struct Shares(Vec<f64>);

impl Shares {
    /// Of these; at least one.
    pub fn of(mut values: Vec<f64>) -> Shares {
        values.sort_by(f64::total_cmp);
        Shares(values)
    }

    /// What so many percent of them do not exceed.
    pub fn at(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).clamp(1, self.0.len());
        self.0[rank - 1]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// The one in the middle; at least one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values_and_the_last_one_is_the_largest() {
        let hundred = Shares::of((1..=200).rev().map(f64::from).collect());
        assert_eq!([50, 90, 99, 100].map(|percent| hundred.at(percent)), [100.0, 180.0, 198.0, 200.0]);
        let one = Shares::of(vec![7.0]);
        assert_eq!([1, 50, 99, 100].map(|percent| one.at(percent)), [7.0; 4]);
    }
}
