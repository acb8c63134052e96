//! May this call be sent, and what will it be charged by? Everything that can be refused is refused here, before a provider hears of it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ask::Ask;
use crate::catalog::{Key, Model};
use crate::clock::now_us;
use crate::counted::CallOf;
use crate::ledger::{Billing, Call, CallTag, PurseId, Refused, RequestId};
use crate::meter::{Bill, Meter, Tariff};
use crate::metrics::UNLISTED;
use crate::refusal::Refusal;
use crate::settings::Unpriced;
use crate::style::Surface;
use crate::usage::{self, Tally};
use crate::worker::Worker;

/// No model writes more in one reply; what a client asks beyond is not reserved.
const LARGEST_REPLY: u64 = 1_000_000;

/// A call that may be sent.
pub struct Admitted {
    pub meter: Meter,
    pub request: RequestId,
}

/// The limits first, because they cost nothing to check; then the money.
///
/// # Errors
/// [`Refusal`]: nothing was reserved, and nothing counts against the limits.
pub async fn admit(worker: &Worker, key: &Arc<Key>, model: &Model, ask: &Ask) -> Result<Admitted, Refusal> {
    let tariff = tariff(worker, key, model)?;
    let prompt = usage::of_request(&ask.body);
    let asked = ask.max_tokens.unwrap_or(model.max_output).min(LARGEST_REPLY);
    let completion = asked.saturating_mul(ask.choices);
    let taken = prompt
        .bound
        .saturating_add(if ask.max_tokens.is_some() { completion } else { 0 });
    let limits = Limited::take(key, taken)?;

    let request = RequestId::new();
    let call = Call {
        request,
        tag: CallTag {
            user: key.user.clone().unwrap_or_default(),
            instance: key.instance.clone().unwrap_or_default(),
            key: Arc::clone(&key.id),
            provider: Arc::clone(&model.routes[0].provider.name),
            model: Arc::clone(&model.name),
        },
        billing: if key.user.is_some() {
            Billing::Credits
        } else {
            Billing::Metered
        },
        reserve: tariff.bound(prompt.bound, completion),
        prompt: tariff.bound(prompt.about, 0),
        prompt_tokens: prompt.about,
        day_limit: key.budgets.day,
        month_limit: key.budgets.month,
    };
    let needed = call.reserve;
    let reservation = worker
        .shared
        .ledger
        .reserve(call)
        .await
        .map_err(|refused| match refused {
            Refused::OutOfCredits { purse } => Refusal::OutOfCredits {
                purse: purse_name(&purse),
                needed,
            },
            Refused::TooLarge => {
                Refusal::BadRequest("max_tokens: the call would cost more than any call may".to_owned())
            }
            Refused::Closed | Refused::Superseded => Refusal::Stopping,
            Refused::Unavailable | Refused::Journal { .. } => {
                tracing::error!(%refused, "a call could not be reserved");
                Refusal::NoAccounts
            }
        })?;
    if key.state.is_revoked() {
        // Its request was long in coming, or its credits were. Nothing was sent: all of it goes back.
        return Err(Refusal::UnknownKey);
    }
    limits.keep();
    let tally = Tally::new(&ask.body, prompt.about);
    let tally = if ask.surface == Surface::Embeddings {
        tally.silent()
    } else {
        tally
    };
    // Only a limit that the provider was told can be overrun.
    let covered = if ask.max_tokens.is_some() {
        completion
    } else {
        usage::IMPLAUSIBLE
    };
    let bill = Bill {
        reservation,
        tariff,
        key: Arc::clone(key),
        taken,
        of: CallOf {
            surface: ask.surface.label(),
            model: if model.is_listed {
                Arc::clone(&model.name)
            } else {
                UNLISTED.into()
            },
            provider: Arc::clone(&model.routes[0].provider.name),
        },
        began: Instant::now(),
    };
    let (counted, clerk) = (Rc::clone(&worker.counted), Arc::clone(&worker.shared.clerk));
    let meter = Meter::new(bill, tally, covered, counted, clerk);
    Ok(Admitted { meter, request })
}

fn tariff(worker: &Worker, key: &Key, model: &Model) -> Result<Tariff, Refusal> {
    let must_have = key.is_bounded() && worker.shared.settings.unpriced == Unpriced::Refuse;
    if model.price.is_none() && must_have {
        return Err(Refusal::NoPrice(model.name.to_string()));
    }
    Ok(Tariff {
        price: model.price,
        multiplier: key.multiplier,
    })
}

fn purse_name(purse: &PurseId) -> String {
    match purse {
        PurseId::Account(_) => "the credit balance".to_owned(),
        PurseId::KeyDay { .. } => "the key's budget of the day (UTC)".to_owned(),
        PurseId::KeyMonth { .. } => "the key's budget of the month (UTC)".to_owned(),
    }
}

/// What was taken from a key's limits; given back unless it is kept.
struct Limited<'a> {
    key: &'a Key,
    tokens: u64,
    kept: bool,
}

impl<'a> Limited<'a> {
    fn take(key: &'a Key, tokens: u64) -> Result<Self, Refusal> {
        let now = now_us();
        if let Some(per_minute) = key.limits.requests_per_minute {
            let refuse = |wait: Duration| Refusal::TooManyRequests { per_minute, wait };
            key.state.requests.take(1, per_minute, now).map_err(refuse)?;
        }
        if let Some(per_minute) = key.limits.tokens_per_minute
            && let Err(wait) = key.state.tokens.take(tokens, per_minute, now)
        {
            if let Some(per_minute) = key.limits.requests_per_minute {
                key.state.requests.give_back(1, per_minute);
            }
            return Err(Refusal::TooManyTokens { per_minute, wait });
        }
        Ok(Self {
            key,
            tokens,
            kept: false,
        })
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Some(per_minute) = self.key.limits.requests_per_minute {
            self.key.state.requests.give_back(1, per_minute);
        }
        if let Some(per_minute) = self.key.limits.tokens_per_minute {
            self.key.state.tokens.give_back(self.tokens, per_minute);
        }
    }
}
