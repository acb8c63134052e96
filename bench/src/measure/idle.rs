//! Memory of a gateway that has nothing to do, its child processes included.

use super::Pair;
use crate::memory::{pss, settled};
use crate::peers::Gateway;
use crate::report::{Bar, Row};

pub async fn measure(pair: &Pair, what: &str, with_bar: bool) -> Vec<Row> {
    let native = at_rest(&pair.native).await;
    let openclaw = match &pair.openclaw {
        Some(gateway) => at_rest(gateway).await,
        None => f64::NAN,
    };
    let row = Row::new(what, native, openclaw);
    vec![if with_bar {
        row.bar(Bar::at_most(4.0).of_upstream(1.0 / 200.0))
    } else {
        row
    }]
}

async fn at_rest(gateway: &Gateway) -> f64 {
    settled(|| pss(&gateway.process.tree())).await
}
