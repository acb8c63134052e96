//! What tokens cost: integer micro-credits, one rounding for each call.

use serde::{Deserialize, Serialize};

use crate::ledger::Micros;
use crate::usage::Counts;

/// Prices of one model, in micro-credits for a million tokens. None is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Input that was not in the provider's cache.
    pub input: u64,
    /// Input that came from the cache; without it, as [`Price::input`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<u64>,
    /// Input that was written to the cache; without it, as [`Price::input`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Output, the reasoning part included.
    #[serde(default)]
    pub output: u64,
    /// For each call, in micro-credits.
    #[serde(default)]
    pub call: u64,
}

const MILLION: u128 = 1_000_000;

/// A group pays this many millionths of the price: 1_000_000 is the price itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier(pub u32);

impl Default for Multiplier {
    fn default() -> Self {
        Self(1_000_000)
    }
}

impl Price {
    /// What a call cost. All directions are added up exactly, multiplied, and rounded up once, to a whole micro-credit.
    /// What does not fit is the largest amount there is.
    pub fn cost(&self, counts: &Counts, multiplier: Multiplier) -> Micros {
        let of = |tokens: u64, price: u64| u128::from(tokens).saturating_mul(u128::from(price));
        let special = counts.cached.saturating_add(counts.written);
        let parts = [
            of(counts.prompt.saturating_sub(special), self.input),
            of(counts.cached, self.cached_input.unwrap_or(self.input)),
            of(counts.written, self.cache_write.unwrap_or(self.input)),
            of(counts.completion, self.output),
            of(self.call, 1_000_000),
        ];
        let total = parts.into_iter().fold(0_u128, u128::saturating_add);
        let total = total
            .saturating_mul(u128::from(multiplier.0))
            .div_ceil(MILLION * MILLION);
        Micros(i64::try_from(total).unwrap_or(i64::MAX))
    }

    /// What a call may cost at most, if it reads and writes so many tokens: the dearest way to read them counts.
    pub fn bound(&self, prompt: u64, completion: u64, multiplier: Multiplier) -> Micros {
        let dearest = self
            .input
            .max(self.cached_input.unwrap_or_default())
            .max(self.cache_write.unwrap_or_default());
        let price = Self {
            input: dearest,
            ..*self
        };
        let counts = Counts {
            prompt,
            completion,
            ..Counts::default()
        };
        price.cost(&counts, multiplier)
    }

    pub fn is_free(&self) -> bool {
        let Self {
            input,
            cached_input,
            cache_write,
            output,
            call,
        } = *self;
        input == 0 && cached_input.unwrap_or(0) == 0 && cache_write.unwrap_or(0) == 0 && output == 0 && call == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price {
        input: 3_000_000,
        cached_input: Some(300_000),
        cache_write: Some(3_750_000),
        output: 15_000_000,
        call: 0,
    };

    fn counts(prompt: u64, cached: u64, written: u64, completion: u64) -> Counts {
        Counts {
            prompt,
            cached,
            written,
            completion,
            ..Counts::default()
        }
    }

    #[test]
    fn each_direction_has_its_price_and_the_sum_is_rounded_up_once() {
        let cost = |counts| PRICE.cost(&counts, Multiplier::default()).0;
        assert_eq!(cost(counts(1_000, 0, 0, 100)), 3_000 + 1_500);
        assert_eq!(cost(counts(1_000, 400, 100, 0)), 500 * 3 + 120 + 375);
        assert_eq!(cost(counts(1, 1, 0, 0)), 1, "0.3 is rounded up");
        assert_eq!(cost(counts(0, 0, 0, 0)), 0);
        // More from the cache than was read at all: nothing is negative.
        assert_eq!(cost(counts(1, 10, 0, 0)), 3);
    }

    #[test]
    fn groups_and_calls() {
        let price = Price { call: 1_000, ..PRICE };
        assert_eq!(price.cost(&counts(1_000, 0, 0, 0), Multiplier(500_000)).0, 2_000);
        assert_eq!(price.cost(&counts(1_000, 0, 0, 0), Multiplier(1)).0, 1);
        assert_eq!(price.cost(&counts(1_000, 0, 0, 0), Multiplier(0)).0, 0);
    }

    #[test]
    fn the_bound_is_never_below_the_cost() {
        for counts in [
            counts(1_000, 400, 600, 100),
            counts(1_000, 0, 1_000, 0),
            counts(7, 7, 0, 1),
        ] {
            let bound = PRICE.bound(counts.prompt, counts.completion, Multiplier::default());
            assert!(bound.0 >= PRICE.cost(&counts, Multiplier::default()).0, "{counts:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_the_largest_amount() {
        let price = Price {
            input: u64::MAX,
            output: u64::MAX,
            ..Price::default()
        };
        assert_eq!(price.bound(u64::MAX, u64::MAX, Multiplier(u32::MAX)).0, i64::MAX);
    }
}
