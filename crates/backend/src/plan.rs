//! `GET /api/plan/capacity|cost`: what so many users need and cost, by what this fleet's instances really use.

use axum::Json;
use axum::extract::State as Shared;
use creel_fleet::Runtime;
use creel_fleet::plan::{Capacity, CapacityRequest, Cost, CostRequest, Machine, Prices, Use};
use creel_http::{FromQuery, Parameters, Problem, Query};

use crate::error::fleet_problem;
use crate::routes::State;

/// What both questions may say.
struct Given {
    runtime: Runtime,
    usage: Use,
    machine: Machine,
}

impl Given {
    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        let runtime = match parameters.text("runtime") {
            None => Runtime::Native,
            Some(text) => text
                .parse()
                .map_err(|error| Problem::bad_request(format!("query: runtime: {error}")))?,
        };
        let (usual, here) = (Use::default(), Machine::this());
        Ok(Self {
            runtime,
            usage: Use {
                asleep: parameters.number("asleep")?.unwrap_or(usual.asleep),
                turns: parameters.number("turns")?.unwrap_or(usual.turns),
                spare: parameters.number("spare")?.unwrap_or(usual.spare),
            },
            machine: Machine {
                cpus: parameters.number("cpus")?.unwrap_or(here.cpus),
                memory_bytes: parameters.number("memory_bytes")?.unwrap_or(here.memory_bytes),
                swap_bytes: parameters.number("swap_bytes")?.unwrap_or(here.swap_bytes),
            },
        })
    }
}

/// How many of them.
fn count(parameters: &Parameters, name: &str) -> Result<u32, Problem> {
    let missing = || Problem::bad_request(format!("query: {name} is missing; say how many"));
    parameters.number(name)?.ok_or_else(missing)
}

pub struct CapacityQuery {
    request: CapacityRequest,
    runtime: Runtime,
}

impl FromQuery for CapacityQuery {
    const NAMES: &'static [&'static str] = &[
        "users",
        "runtime",
        "asleep",
        "turns",
        "spare",
        "cpus",
        "memory_bytes",
        "swap_bytes",
    ];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        let given = Given::from_query(parameters)?;
        let request = CapacityRequest {
            users: count(parameters, "users")?,
            usage: given.usage,
            machine: given.machine,
        };
        Ok(Self {
            request,
            runtime: given.runtime,
        })
    }
}

pub async fn capacity(
    Shared(backend): Shared<State>,
    Query(query): Query<CapacityQuery>,
) -> Result<Json<Capacity>, Problem> {
    let figures = backend.fleet.figures(query.runtime);
    query.request.plan(figures).map(Json).map_err(fleet_problem)
}

pub struct CostQuery {
    request: CostRequest,
    runtime: Runtime,
}

impl FromQuery for CostQuery {
    const NAMES: &'static [&'static str] = &[
        "instances",
        "runtime",
        "asleep",
        "turns",
        "spare",
        "cpus",
        "memory_bytes",
        "swap_bytes",
        "machine_price",
        "memory_price",
        "cpu_price",
        "subscription",
    ];

    fn from_query(parameters: &Parameters) -> Result<Self, Problem> {
        let given = Given::from_query(parameters)?;
        let usual = Prices::default();
        let request = CostRequest {
            instances: count(parameters, "instances")?,
            usage: given.usage,
            machine: given.machine,
            machine_price: price(parameters, "machine_price")?,
            prices: Prices {
                memory_gb: price(parameters, "memory_price")?.unwrap_or(usual.memory_gb),
                cpu: price(parameters, "cpu_price")?.unwrap_or(usual.cpu),
                subscription: price(parameters, "subscription")?.unwrap_or(usual.subscription),
            },
        };
        Ok(Self {
            request,
            runtime: given.runtime,
        })
    }
}

fn price(parameters: &Parameters, name: &str) -> Result<Option<f64>, Problem> {
    let wrong = |text: &str| Problem::bad_request(format!("query: {name} is {text:?}; it must be dollars, such as 40"));
    let parsed = parameters.text(name).map(|text| text.parse().map_err(|_| wrong(&text)));
    parsed.transpose()
}

pub async fn cost(Shared(backend): Shared<State>, Query(query): Query<CostQuery>) -> Result<Json<Cost>, Problem> {
    let figures = backend.fleet.figures(query.runtime);
    query.request.plan(figures).map(Json).map_err(fleet_problem)
}
