//! From starting the program to the first good answer on `/readyz`; the same directory each time, so after the first round a
//! restart.

use serde_json::json;

use super::{Bench, FIRST_PORT, Samples, free_port, median};
use crate::peers::Runtime;
use crate::report::{Bar, Row};

pub async fn measure(bench: &Bench, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let openclaw_rounds = if bench.quick { 1 } else { 3 };
    let native_rounds = 10;
    let (mut native, mut openclaw) = (Vec::new(), Vec::new());
    for _ in 0..openclaw_rounds {
        for _ in 0..native_rounds {
            native.push(once(bench, &bench.native, "start-native").await?);
        }
        if let Some(runtime) = &bench.openclaw {
            openclaw.push(once(bench, runtime, "start-openclaw").await?);
        }
    }
    samples.insert("start_ms".into(), json!({"native": native, "openclaw": openclaw}));
    Ok(vec![
        Row::new("start to ready, ms", median(&native), median(&openclaw))
            .bar(Bar::at_most(10.0).of_upstream(1.0 / 1000.0)),
    ])
}

/// Milliseconds.
async fn once(bench: &Bench, runtime: &Runtime, name: &str) -> anyhow::Result<f64> {
    let gateway = runtime
        .start(&bench.directory(runtime, name)?, free_port(FIRST_PORT)?)
        .await?;
    Ok(gateway.ready_after.as_secs_f64() * 1e3)
}
