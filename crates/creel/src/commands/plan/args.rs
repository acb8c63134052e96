//! `creel plan …`, as the command line has it, and as the backend or the calculator is asked.

use clap::{Args, Subcommand};
use creel_fleet::Runtime;
use creel_fleet::plan::{self, CapacityRequest, CostRequest, Figures, Machine, Prices, Use};

use crate::client::escaped;
use crate::failure::Failure;
use crate::size;

/// What is reckoned with at most.
const MOST: i64 = plan::MOST as i64;

#[derive(Subcommand)]
pub enum PlanCommand {
    /// Say how many gateways so many users need, and how many instances a machine holds
    Capacity(CapacityArgs),
    /// Say what so many instances cost in a month
    Cost(CostArgs),
}

#[derive(Args)]
pub struct CapacityArgs {
    /// Who are there at the same time
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=MOST))]
    users: u32,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Args)]
pub struct CostArgs {
    /// How many
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=MOST))]
    instances: u32,
    /// Dollars a month for a machine, to have machines of your own reckoned too
    #[arg(long, value_name = "DOLLARS")]
    machine_price: Option<f64>,
    /// Dollars a month for a GB of memory on Railway [default: 10]
    #[arg(long, value_name = "DOLLARS")]
    memory_price: Option<f64>,
    /// Dollars a month for a core on Railway [default: 20]
    #[arg(long, value_name = "DOLLARS")]
    cpu_price: Option<f64>,
    /// The least that Railway is paid in a month [default: 5]
    #[arg(long, value_name = "DOLLARS")]
    subscription: Option<f64>,
    #[command(flatten)]
    pub common: Common,
}

/// What both ask for.
#[derive(Args)]
pub struct Common {
    /// native or openclaw
    #[arg(long, default_value = "native")]
    runtime: String,
    /// Per cent of the instances that are asleep at a time [default: 0]
    #[arg(long, value_name = "PERCENT")]
    asleep: Option<u32>,
    /// Turns of one instance in an hour [default: 20]
    #[arg(long, value_name = "NUMBER")]
    turns: Option<u32>,
    /// Per cent of a machine that is kept free [default: 25]
    #[arg(long, value_name = "PERCENT")]
    spare: Option<u32>,
    /// Cores of a machine [default: the control plane's]
    #[arg(long, value_name = "NUMBER")]
    cpus: Option<u32>,
    /// Memory of a machine, such as 16g [default: the control plane's]
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Swap of a machine, such as 64g, or 0 [default: the control plane's]
    #[arg(long, value_name = "SIZE")]
    swap: Option<String>,
}

impl Common {
    fn memory_bytes(&self) -> Result<Option<u64>, Failure> {
        let parse = |text: &String| {
            size::parse(text).ok_or_else(|| Failure::bad_input(format!("--memory {text}: give a size such as 16g")))
        };
        self.memory.as_ref().map(parse).transpose()
    }

    fn swap_bytes(&self) -> Result<Option<u64>, Failure> {
        let parse = |text: &String| match text.as_str() {
            "0" => Ok(0),
            text => size::parse(text)
                .ok_or_else(|| Failure::bad_input(format!("--swap {text}: give a size such as 64g, or 0"))),
        };
        self.swap.as_ref().map(parse).transpose()
    }

    fn query(&self) -> Result<String, Failure> {
        let numbers = [
            ("asleep", self.asleep.map(u64::from)),
            ("turns", self.turns.map(u64::from)),
            ("spare", self.spare.map(u64::from)),
            ("cpus", self.cpus.map(u64::from)),
            ("memory_bytes", self.memory_bytes()?),
            ("swap_bytes", self.swap_bytes()?),
        ];
        let mut query = format!("runtime={}", escaped(&self.runtime));
        for (name, number) in numbers {
            if let Some(number) = number {
                query.push_str(&format!("&{name}={number}"));
            }
        }
        Ok(query)
    }

    /// Where no fleet can be asked.
    pub fn figures(&self) -> Result<Figures, Failure> {
        let runtime: Runtime = self
            .runtime
            .parse()
            .map_err(|error| Failure::bad_input(format!("--runtime: {error}")))?;
        Ok(Figures::from_bench(runtime))
    }

    fn usage(&self) -> Use {
        let usual = Use::default();
        Use {
            asleep: self.asleep.unwrap_or(usual.asleep),
            turns: self.turns.unwrap_or(usual.turns),
            spare: self.spare.unwrap_or(usual.spare),
        }
    }

    fn machine(&self) -> Result<Machine, Failure> {
        let here = Machine::this();
        Ok(Machine {
            cpus: self.cpus.unwrap_or(here.cpus),
            memory_bytes: self.memory_bytes()?.unwrap_or(here.memory_bytes),
            swap_bytes: self.swap_bytes()?.unwrap_or(here.swap_bytes),
        })
    }
}

impl CapacityArgs {
    pub fn query(&self) -> Result<String, Failure> {
        Ok(format!("users={}&{}", self.users, self.common.query()?))
    }

    pub fn request(&self) -> Result<CapacityRequest, Failure> {
        Ok(CapacityRequest {
            users: self.users,
            usage: self.common.usage(),
            machine: self.common.machine()?,
        })
    }
}

impl CostArgs {
    pub fn query(&self) -> Result<String, Failure> {
        let mut query = format!("instances={}&{}", self.instances, self.common.query()?);
        let prices = [
            ("machine_price", self.machine_price),
            ("memory_price", self.memory_price),
            ("cpu_price", self.cpu_price),
            ("subscription", self.subscription),
        ];
        for (name, price) in prices {
            if let Some(price) = price {
                query.push_str(&format!("&{name}={price}"));
            }
        }
        Ok(query)
    }

    pub fn request(&self) -> Result<CostRequest, Failure> {
        let usual = Prices::default();
        Ok(CostRequest {
            instances: self.instances,
            usage: self.common.usage(),
            machine: self.common.machine()?,
            machine_price: self.machine_price,
            prices: Prices {
                memory_gb: self.memory_price.unwrap_or(usual.memory_gb),
                cpu: self.cpu_price.unwrap_or(usual.cpu),
                subscription: self.subscription.unwrap_or(usual.subscription),
            },
        })
    }
}
