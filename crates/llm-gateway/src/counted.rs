//! The counters of settled calls, as one thread finds them: by one look at what is its own, where the registry would want its locks taken and
//! labels made anew for each of them.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use crate::ledger::{Micros, Outcome};
use crate::metrics::{CallLabels, Metrics};
use crate::usage::Counts;

/// Whose call it was. Names of the catalog, of which a call makes no copies.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct CallOf {
    pub surface: &'static str,
    pub model: Arc<str>,
    pub provider: Arc<str>,
}

/// One thread's.
pub struct Counted {
    metrics: Arc<Metrics>,
    known: RefCell<HashMap<CallOf, Rc<Counters>>>,
}

struct Counters {
    labels: CallLabels,
    duration: Histogram,
    cost: Counter,
    /// Done, cut, failed: a series is there once there is something to count.
    outcomes: [OnceCell<Counter>; 3],
    /// Prompt, cached, completion, reasoning.
    tokens: [OnceCell<Counter>; 4],
}

const DIRECTIONS: [&str; 4] = ["prompt", "cached", "completion", "reasoning"];

impl Counted {
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            known: RefCell::default(),
        }
    }

    pub fn settled(&self, of: &CallOf, outcome: Outcome, counts: &Counts, cost: Micros, took: Duration) {
        let counters = self.counters(of);
        let place = match outcome {
            Outcome::Done => 0,
            Outcome::Cut => 1,
            Outcome::Failed | Outcome::Lost => 2,
        };
        let calls = || self.metrics.calls(&counters.labels, outcome);
        counters.outcomes[place].get_or_init(calls).inc();
        counters.duration.observe(took.as_secs_f64());
        counters.cost.inc_by(cost.0.unsigned_abs());
        let told = [counts.prompt, counts.cached, counts.completion, counts.reasoning];
        for ((direction, counter), tokens) in DIRECTIONS.into_iter().zip(&counters.tokens).zip(told) {
            if tokens > 0 {
                let of = || self.metrics.tokens(&counters.labels, direction);
                counter.get_or_init(of).inc_by(tokens);
            }
        }
    }

    fn counters(&self, of: &CallOf) -> Rc<Counters> {
        if let Some(known) = self.known.borrow().get(of) {
            return Rc::clone(known);
        }
        let labels = CallLabels {
            surface: of.surface,
            model: of.model.to_string(),
            provider: of.provider.to_string(),
        };
        let new = Rc::new(Counters {
            duration: self.metrics.duration(&labels),
            cost: self.metrics.cost(&labels),
            labels,
            outcomes: Default::default(),
            tokens: Default::default(),
        });
        self.known.borrow_mut().insert(of.clone(), Rc::clone(&new));
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_count_together_and_what_did_not_happen_has_no_series() {
        let metrics = Arc::new(Metrics::default());
        let of = CallOf {
            surface: "chat",
            model: "m1".into(),
            provider: "one".into(),
        };
        let counts = Counts {
            prompt: 7,
            ..Counts::default()
        };
        for _ in 0..2 {
            let counted = Counted::new(Arc::clone(&metrics));
            for _ in 0..3 {
                counted.settled(&of, Outcome::Done, &counts, Micros(5), Duration::from_millis(2));
            }
        }
        let text = metrics.render();
        for line in [
            r#"creel_llm_calls_total{surface="chat",model="m1",provider="one",outcome="done"} 6"#,
            r#"creel_llm_tokens_total{model="m1",provider="one",direction="prompt"} 42"#,
            r#"creel_llm_cost_micro_credits_total{surface="chat",model="m1",provider="one"} 30"#,
            r#"creel_llm_call_duration_seconds_count{surface="chat",model="m1",provider="one"} 6"#,
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("cut") && !text.contains("cached\""), "{text}");
    }
}
