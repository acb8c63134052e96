//! How much each of 200 native instances takes, and how many stay alive in 2 GiB.

use serde_json::json;

use super::{Bench, FIRST_PORT, Samples, free_port};
use crate::client::Connection;
use crate::memory::{pss, settled};
use crate::peers::Gateway;
use crate::report::{Bar, Row};

const MANY: usize = 200;
/// More are not tried.
const MOST: usize = 1_000;
const LIMIT_MIB: f64 = 2_048.0;
/// Instances between two looks at the sum.
const STEP: usize = 50;

pub async fn measure(bench: &Bench, samples: &mut Samples) -> anyhow::Result<Vec<Row>> {
    let mut instances = Vec::new();
    start(bench, &mut instances, MANY).await?;
    let each = settled(|| total(&instances)).await / MANY as f64;
    let mut rows = vec![Row::new("idle memory, each of 200, MiB PSS", each, f64::NAN).bar(Bar::at_most(1.0))];
    if bench.quick {
        return Ok(rows);
    }
    while instances.len() < MOST && total(&instances) < LIMIT_MIB {
        start(bench, &mut instances, STEP).await?;
    }
    let mib = settled(|| total(&instances)).await;
    let mut alive = 0;
    for instance in &instances {
        let mut connection = Connection::open(instance.port).await?;
        alive += usize::from(connection.get("/readyz").await.is_ok_and(|answer| answer.says_ready()));
    }
    // The last step may have gone over.
    let within = if mib <= LIMIT_MIB {
        alive
    } else {
        (alive as f64 * LIMIT_MIB / mib) as usize
    };
    samples.insert(
        "alive".into(),
        json!({"started": instances.len(), "alive": alive, "mib_pss": mib}),
    );
    rows.push(
        Row::new("native instances alive in 2 GiB", within as f64, f64::NAN)
            .bar(Bar::at_least(MOST as f64))
            .note(format!("{alive} answer, {mib:.0} MiB")),
    );
    Ok(rows)
}

/// MiB of all of them.
fn total(instances: &[Gateway]) -> f64 {
    let pids: Vec<u32> = instances.iter().map(|instance| instance.process.id()).collect();
    pss(&pids)
}

async fn start(bench: &Bench, instances: &mut Vec<Gateway>, more: usize) -> anyhow::Result<()> {
    for _ in 0..more {
        let port = free_port(instances.last().map_or(FIRST_PORT, |last| last.port + 1))?;
        let directory = bench.directory(&bench.native, &format!("many-{}", instances.len()))?;
        instances.push(bench.native.start(&directory, port).await?);
    }
    Ok(())
}
