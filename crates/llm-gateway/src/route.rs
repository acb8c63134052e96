//! Which providers are asked, and in which order.

use std::cmp::Reverse;

use crate::catalog::{Model, Route, Strategy};

/// The model's routes in the order in which they are to be tried: by priority; among equals by the model's strategy. Those that are
/// paused come last, the one that is free soonest first: better to ask a doubtful provider than none.
pub fn order<'a>(model: &'a Model, now: u64, chance: &mut dyn FnMut(u32) -> u32) -> Vec<&'a Route> {
    if let [only] = model.routes.as_slice() {
        return vec![only];
    }
    let (mut paused, mut ready): (Vec<&Route>, Vec<&Route>) = model
        .routes
        .iter()
        .partition(|route| route.provider.health.is_paused(now));
    ready.sort_by_key(|route| route.priority);
    for tier in ready.chunk_by_mut(|one, other| one.priority == other.priority) {
        match model.strategy {
            Strategy::LeastLatency => {
                tier.sort_by_key(|route| (route.provider.health.latency(), Reverse(route.weight)));
                look_again(tier, now);
            }
            Strategy::Weighted => shuffle(tier, chance),
        }
    }
    paused.sort_by_key(|route| route.provider.health.paused_until());
    ready.extend(paused);
    ready
}

/// Whoever was slow once would never be asked again: now and then a call sees whether that is still so.
fn look_again(tier: &mut [&Route], now: u64) {
    let health = |at: usize| &tier[at].provider.health;
    let oldest = (1..tier.len()).min_by_key(|at| health(*at).tried_at());
    if let Some(at) = oldest.filter(|at| health(*at).is_to_be_tried(now)) {
        tier[..=at].rotate_right(1);
    }
}

/// Each place is drawn in proportion to the weights of those that are left.
fn shuffle(tier: &mut [&Route], chance: &mut dyn FnMut(u32) -> u32) {
    for first in 0..tier.len() {
        let rest = &mut tier[first..];
        let total: u32 = rest.iter().fold(0, |sum: u32, route| sum.saturating_add(route.weight));
        if total == 0 {
            return;
        }
        let mut drawn = chance(total);
        let chosen = rest.iter().position(|route| match drawn.checked_sub(route.weight) {
            Some(left) => {
                drawn = left;
                false
            }
            None => true,
        });
        rest.swap(0, chosen.unwrap_or(0));
    }
}

/// A number below `bound`, by chance.
pub fn by_chance(bound: u32) -> u32 {
    let random = getrandom::u32().unwrap_or_default();
    // The high half of the product: https://lemire.me/blog/2016/06/27/a-fast-alternative-to-the-modulo-reduction/
    ((u64::from(random) * u64::from(bound)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::catalog::Provider;
    use crate::style::Style;

    const NOW: u64 = 1_000_000_000;

    fn model(strategy: Strategy, routes: &[(&str, u32, u32)]) -> Model {
        let routes = routes.iter().map(|(name, weight, priority)| Route {
            provider: Arc::new(Provider::new(name, Style::Openai, "http://h", None).unwrap()),
            model: "m".into(),
            weight: *weight,
            priority: *priority,
        });
        Model {
            name: "m".into(),
            is_listed: true,
            routes: routes.collect(),
            strategy,
            price: None,
            max_output: 1,
        }
    }

    fn names(model: &Model) -> String {
        let order = order(model, NOW, &mut by_chance);
        order
            .iter()
            .map(|route| &*route.provider.name)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn priority_first_and_the_paused_last() {
        let model = model(Strategy::Weighted, &[("c", 1, 3), ("a", 1, 1), ("b", 1, 2)]);
        assert_eq!(names(&model), "a b c");
        model.routes[1]
            .provider
            .health
            .failed(Some(Duration::from_secs(9)), NOW);
        assert_eq!(names(&model), "b c a");
        model.routes[2]
            .provider
            .health
            .failed(Some(Duration::from_secs(5)), NOW);
        assert_eq!(names(&model), "c b a");
    }

    #[test]
    fn weights_are_proportions() {
        let model = model(Strategy::Weighted, &[("a", 3, 0), ("b", 1, 0), ("never", 0, 0)]);
        let mut first: BTreeMap<String, u32> = BTreeMap::new();
        for drawn in 0..4 {
            let order = order(&model, NOW, &mut |bound| if bound == 4 { drawn } else { 0 });
            *first.entry(order[0].provider.name.to_string()).or_default() += 1;
            assert_eq!(&*order[2].provider.name, "never");
        }
        assert_eq!(first, [("a".to_owned(), 3), ("b".to_owned(), 1)].into());
    }

    #[test]
    fn the_fastest_first_but_a_new_one_is_tried() {
        let model = model(Strategy::LeastLatency, &[("slow", 1, 0), ("fast", 1, 0), ("new", 1, 0)]);
        model.routes[0].provider.health.answered(Duration::from_millis(9), NOW);
        model.routes[1].provider.health.answered(Duration::from_millis(1), NOW);
        assert_eq!(names(&model), "new fast slow");
        model.routes[2].provider.health.answered(Duration::from_millis(5), NOW);
        assert_eq!(names(&model), "fast new slow");
        // Long after, calls see one after the other how the others are now.
        let later = NOW + 3_600_000_000;
        let first = || order(&model, later, &mut by_chance)[0].provider.name.to_string();
        model.routes[1]
            .provider
            .health
            .answered(Duration::from_millis(1), later);
        assert_eq!([first(), first(), first()], ["new", "slow", "fast"].map(str::to_owned));
    }

    #[test]
    fn chance_stays_below_the_bound() {
        assert!((0..1_000).all(|_| by_chance(3) < 3));
    }
}
