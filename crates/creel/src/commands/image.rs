//! `creel image list|set`: the container images that new instances are made from.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use creel_fleet::Runtime;
use serde_json::json;

use crate::client::Client;
use crate::failure::Failure;
use crate::output::{self, print_or};

#[derive(Subcommand)]
pub enum ImageCommand {
    /// List the image of each runtime, and whether the container engine has it
    #[command(visible_alias = "ls")]
    List,
    /// Choose the image of a runtime; instances that are there stay with theirs
    Set {
        /// native or openclaw
        #[arg(value_parser = runtime(), hide_possible_values = true)]
        runtime: Runtime,
        /// Such as ghcr.io/acme/creel:1.2; drivers docker and railway make instances from it
        #[arg(value_name = "NAME[:TAG|@DIGEST]")]
        image: String,
    },
}

/// It is a part of the path that is asked for, so it is one.
fn runtime() -> impl TypedValueParser<Value = Runtime> {
    let names = Runtime::ALL.iter().map(|runtime| runtime.as_str());
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Runtime>())
}

pub async fn run(command: ImageCommand, home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let client = Client::new(home)?;
    match command {
        ImageCommand::List => list(&client, json).await,
        ImageCommand::Set { runtime, image } => {
            let path = format!("/api/images/{runtime}");
            let now = client.put(&path, &json!({"image": image})).await?;
            print_or(json, &now, || {
                let image = now["image"].as_str().unwrap_or_default();
                output::line(&format!("new {runtime} instances are made from {image}"));
                if now["present"] != true {
                    output::line("the container engine does not have it yet; the first start pulls it");
                }
            });
            Ok(())
        }
    }
}

async fn list(client: &Client, json: bool) -> Result<(), Failure> {
    let answer = client.get("/api/images").await?;
    let images = client.list(&answer, "images")?;
    print_or(json, &answer, || {
        let rows = images.iter().map(|image| {
            let text = |key: &str| image[key].as_str().unwrap_or("-").to_owned();
            let here = if image["present"] == true { "yes" } else { "no" };
            vec![text("runtime"), text("image"), here.to_owned(), text("digest")]
        });
        output::table(&["RUNTIME", "IMAGE", "HERE", "DIGEST"], &rows.collect::<Vec<_>>());
    });
    Ok(())
}
