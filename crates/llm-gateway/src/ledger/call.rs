//! A model call, as the ledger sees it.

use std::sync::Arc;

use creel_records::ledger::{Billing, Micros, PurseId, RequestId};

const DAY_MS: i64 = 86_400_000;

/// Whose call it is, and whom it goes to. Shared texts: a call copies none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTag {
    pub user: Arc<str>,
    /// The instance that asks; empty if none does.
    pub instance: Arc<str>,
    /// The virtual key's id; empty if there is none.
    pub key: Arc<str>,
    pub provider: Arc<str>,
    pub model: Arc<str>,
}

/// A call that wants to be sent.
#[derive(Debug, Clone)]
pub struct Call {
    /// Unique; what settles once.
    pub request: RequestId,
    pub tag: CallTag,
    pub billing: Billing,
    /// The most it is expected to cost; reserved from every purse.
    pub reserve: Micros,
    /// What its prompt costs by estimate: charged if the gateway dies during the call.
    pub prompt: Micros,
    /// The tokens of its prompt by the same estimate.
    pub prompt_tokens: u64,
    /// The key's budget of a UTC day.
    pub day_limit: Option<Micros>,
    /// The key's budget of a UTC month.
    pub month_limit: Option<Micros>,
}

/// The purses that bound a call, with the limit of each (see [`Take::limit`](creel_records::ledger::Take)).
pub(super) type Bound = Vec<(PurseId, Micros)>;

impl Call {
    /// The purses at this time (ms by the database's clock): a budget's window is that of the reservation.
    pub(super) fn bound(&self, now: i64) -> Bound {
        let mut bound = Vec::with_capacity(3);
        if self.billing == Billing::Credits {
            bound.push((PurseId::Account(self.tag.user.clone()), Micros::ZERO));
        }
        let key = &self.tag.key;
        if let Some(limit) = self.day_limit {
            let day = day_of(now);
            bound.push((PurseId::KeyDay { key: key.clone(), day }, limit));
        }
        if let Some(limit) = self.month_limit {
            let month = month_of(day_of(now));
            bound.push((
                PurseId::KeyMonth {
                    key: key.clone(),
                    month,
                },
                limit,
            ));
        }
        bound
    }
}

/// The windows of the key's budgets among the purses: day, month.
pub(super) fn window_of(bound: &Bound) -> (Option<i32>, Option<i32>) {
    let mut windows = (None, None);
    for (purse, _) in bound {
        match purse {
            PurseId::Account(_) => {}
            PurseId::KeyDay { day, .. } => windows.0 = Some(*day),
            PurseId::KeyMonth { month, .. } => windows.1 = Some(*month),
        }
    }
    windows
}

/// The UTC day, counted from 1970-01-01.
fn day_of(ms: i64) -> i32 {
    i32::try_from(ms.div_euclid(DAY_MS)).unwrap_or(i32::MAX)
}

/// The UTC month, counted from January 1970. Howard Hinnant's `civil_from_days`,
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
fn month_of(day: i32) -> i32 {
    let days = i64::from(day) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years and months begin in March.
    let march_month = (5 * of_year + 2) / 153;
    let months = (era * 400 + year_of_era) * 12 + march_month + 2;
    i32::try_from(months - 1970 * 12).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_begin_at_midnight_utc() {
        // date -u -d 2024-02-29 +%s and its neighbours
        for (seconds, day, month) in [
            (0, 0, 0),
            (-1, -1, -1),
            (1_709_164_799, 19_781, 649),
            (1_709_164_800, 19_782, 649),
            (1_709_251_199, 19_782, 649),
            (1_709_251_200, 19_783, 650),
            (1_735_689_599, 20_088, 659),
            (1_735_689_600, 20_089, 660),
        ] {
            assert_eq!(day_of(seconds * 1000), day, "{seconds}");
            assert_eq!(month_of(day), month, "{seconds}");
        }
    }
}
