//! What `creel llm …` takes to set the gateway up. Secrets come from a file or standard input: others on this machine can read a command line.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use creel_records::{ProviderStyle, RouteStrategy};

use crate::amount::{self, Limit};
use crate::cli::offered;

#[derive(Subcommand)]
pub enum SetUp {
    /// Providers of models
    #[command(subcommand)]
    Providers(Providers),
    /// Models, and where they are
    #[command(subcommand)]
    Models(Models),
    /// Prices for a million tokens, in credits or a currency
    #[command(subcommand)]
    Prices(Prices),
    /// Currencies that prices are said in, and what they are in credits
    #[command(subcommand)]
    Currencies(Currencies),
    /// Groups of keys, and what they pay of the prices
    #[command(subcommand)]
    Groups(Groups),
    /// Virtual keys
    #[command(subcommand)]
    Keys(Keys),
    /// The processes of the gateway
    #[command(subcommand)]
    Nodes(Nodes),
}

#[derive(Subcommand)]
pub enum Providers {
    /// List providers
    List,
    /// Add a provider, or replace the one of this name
    Set {
        name: String,
        /// openai or anthropic
        #[arg(long, default_value = "openai", value_parser = offered(ProviderStyle::ALL.iter().map(|style| style.as_str())), hide_possible_values = true)]
        style: String,
        /// Its base URL, such as https://api.openai.com/v1
        #[arg(long)]
        url: String,
        /// A file that holds its key, or - for standard input [default: the key that it has stays]
        #[arg(long, value_name = "FILE", conflicts_with = "no_key")]
        key_file: Option<PathBuf>,
        /// It wants no key
        #[arg(long)]
        no_key: bool,
        /// It answers /responses itself
        #[arg(long)]
        has_responses: bool,
        /// It may be asked for models that are not listed
        #[arg(long)]
        any_model: bool,
    },
    /// Remove a provider
    Rm { name: String },
}

#[derive(Subcommand)]
pub enum Models {
    /// List models
    List,
    /// Add a model, or replace the one of this name
    Set {
        name: String,
        /// Where it is: PROVIDER, or PROVIDER/NAME where it has another name there; then weight and priority (the lowest is tried first). Repeat for more
        #[arg(
            long = "route",
            value_name = "PROVIDER[/NAME][,weight=N][,priority=N]",
            required = true
        )]
        routes: Vec<String>,
        /// weighted or least_latency
        #[arg(long, value_parser = offered(RouteStrategy::ALL.iter().map(|strategy| strategy.as_str())), hide_possible_values = true)]
        strategy: Option<String>,
        /// The most tokens of a reply, where a request does not say
        #[arg(long, value_name = "TOKENS")]
        max_output: Option<NonZeroU64>,
    },
    /// Remove a model
    Rm { name: String },
}

#[derive(Subcommand)]
pub enum Prices {
    /// List prices
    List,
    /// Set the price of a model, or of all that begin so (gpt-*)
    Set {
        model: String,
        /// The currency of these amounts (creel llm currencies) [default: credits]
        #[arg(long, value_name = "CODE")]
        currency: Option<String>,
        /// What a million tokens of the prompt cost
        #[arg(long, value_name = "AMOUNT", value_parser = amount::price)]
        input: String,
        /// What a million tokens of the reply cost
        #[arg(long, value_name = "AMOUNT", value_parser = amount::price)]
        output: String,
        /// The same for those that were read from the provider's cache [default: as --input]
        #[arg(long, value_name = "AMOUNT", value_parser = amount::price)]
        cached_input: Option<String>,
        /// The same for those that were written to it [default: as --input]
        #[arg(long, value_name = "AMOUNT", value_parser = amount::price)]
        cache_write: Option<String>,
        /// What each call costs
        #[arg(long, value_name = "AMOUNT", value_parser = amount::price)]
        call: Option<String>,
    },
    /// Remove a price
    Rm { model: String },
}

#[derive(Subcommand)]
pub enum Currencies {
    /// List currencies
    List,
    /// Set what one unit of a currency is in credits: USD 1, CNY 0.14
    Set {
        /// Three capital letters, as in ISO 4217
        code: String,
        /// What one unit of it is worth
        #[arg(value_parser = amount::price)]
        credits: String,
    },
    /// Remove a currency that no price is said in
    Rm { code: String },
}

#[derive(Subcommand)]
pub enum Groups {
    /// List groups
    List,
    /// Set what a group pays of the prices: 0.8, 1, 2.5
    Set { name: String, multiplier: String },
    /// Remove a group
    Rm { name: String },
}

#[derive(Subcommand)]
pub enum Keys {
    /// List keys
    List,
    /// Make a key; it is shown this once
    Make {
        /// Who pays [default: nobody; the key is metered]
        #[arg(long, value_name = "ID")]
        user: Option<String>,
        /// The instance that it is for; it goes with it
        #[arg(long, value_name = "ID")]
        instance: Option<String>,
        #[command(flatten)]
        terms: Terms,
    },
    /// Change the terms of a key, for the calls that come; what is not named stays, and none lifts a limit
    Change {
        id: String,
        #[command(flatten)]
        terms: Terms,
    },
    /// Revoke a key; calls that run with it end at their next piece
    Revoke { id: String },
}

#[derive(Args)]
pub struct Terms {
    /// A model that it may ask; repeat for more [default: all]
    #[arg(long = "model", value_name = "NAME")]
    pub models: Vec<String>,
    /// A name of its own for a model; repeat for more
    #[arg(long = "alias", value_name = "NAME=MODEL")]
    pub aliases: Vec<String>,
    /// The most requests in a minute
    #[arg(long, value_name = "N", value_parser = amount::per_minute)]
    pub requests_per_minute: Option<Limit<NonZeroU64>>,
    /// The most tokens in a minute, of prompts and replies
    #[arg(long, value_name = "N", value_parser = amount::per_minute)]
    pub tokens_per_minute: Option<Limit<NonZeroU64>>,
    /// The most credits of a UTC day
    #[arg(long, value_name = "CREDITS", value_parser = amount::budget)]
    pub day_budget: Option<Limit<String>>,
    /// The most credits of a UTC month
    #[arg(long, value_name = "CREDITS", value_parser = amount::budget)]
    pub month_budget: Option<Limit<String>>,
    /// Whose multiplier it pays
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// A day or a moment (RFC 3339) after which it is void
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
}

#[derive(Subcommand)]
pub enum Nodes {
    /// List them, and what each holds of the users' credits
    List,
    /// Free what a node holds that will not come back; should it, what its calls cost is charged then
    GiveUp {
        name: String,
        /// Even if it was heard of within the last minute: it takes no more calls from then on
        #[arg(long)]
        force: bool,
    },
}
