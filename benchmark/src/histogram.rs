//! Durations in buckets that are at most 1.6 % wide.

use std::time::Duration;

/// Buckets per power of two.
const FINE: u32 = 6;

/// Counts of nanoseconds.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; 64 << FINE], total: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    /// Counts all that another one has counted.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.total += other.total;
    }

    /// How many were counted.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// True if none was counted.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The duration that `share` of all stay below, in microseconds; `NaN` if none was counted.
    pub fn micros(&self, share: f64) -> f64 {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return middle(index) / 1e3;
            }
        }
        f64::NAN
    }
}

fn bucket(nanos: u64) -> usize {
    let exponent = nanos.ilog2();
    if exponent < FINE {
        return nanos as usize;
    }
    let mantissa = (nanos >> (exponent - FINE)) as usize & ((1 << FINE) - 1);
    (((exponent - FINE + 1) as usize) << FINE) + mantissa
}

fn middle(bucket: usize) -> f64 {
    if bucket < 1 << FINE {
        return bucket as f64;
    }
    let shift = (bucket >> FINE) as i32 - 1;
    let mantissa = (1 << FINE) + (bucket & ((1 << FINE) - 1));
    (mantissa as f64 + 0.5) * 2f64.powi(shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_within_the_width_of_a_bucket() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|micros| histogram.add(Duration::from_micros(micros)));
        for share in [0.001, 0.5, 0.99, 1.0] {
            let (wanted, got) = (share * 100_000.0, histogram.micros(share));
            assert!((got / wanted - 1.0).abs() < 0.016, "{share}: {got}");
        }
        assert_eq!(histogram.len(), 100_000);
        let mut both = Histogram::default();
        (0..100_000).for_each(|_| both.add(Duration::from_micros(1)));
        both.merge(&histogram);
        assert_eq!((both.len(), both.micros(0.5).round()), (200_000, 1.0));
        assert!((both.micros(0.75) / 50_000.0 - 1.0).abs() < 0.016);
    }
}
