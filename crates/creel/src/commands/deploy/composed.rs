//! Recorded instances as a compose file, from the records and the files of their home: no control plane is asked.

use std::path::Path;

use creel_fleet::fill::Value;
use creel_fleet::{Composed, Composer, InstanceId};
use creel_records::{DatabaseUrl, InstanceRecord, Instances as _, RecordsError, Runtime, SqlRecords};

use super::args::ComposeArgs;
use super::files::{Audience, Rendered, write};
use super::{print, render};
use crate::failure::Failure;
use crate::settings;

/// What compose looks for.
const FILE: &str = "compose.yaml";
/// The templates of all and of one, in `deploy/`.
const ALL: &str = "instances.yaml";
const ONE: &str = "instance.yaml";

pub async fn run(args: ComposeArgs, home: &Path, json: bool) -> Result<(), Failure> {
    let (records, images) = recorded(home).await?;
    let wanted = select(&args.ids, records)?;
    let zone = args.timezone.as_ref().map(ToString::to_string);
    let mut composer = Composer::of_home(home, images, zone).map_err(Failure::bad_input)?;
    let mut services = Vec::with_capacity(wanted.len());
    for record in &wanted {
        services.push(composer.compose(record).await.map_err(Failure::bad_input)?);
    }
    let text = whole(&services, &home.join("templates"))?;
    let file = Rendered::for_everybody(FILE, text);
    let busy = still_creels(&services);
    let Some(out) = &args.out else {
        warn(&services);
        if let Some(busy) = busy {
            eprintln!("creel: warning: {busy}");
        }
        eprintln!("creel: nothing is written: --out DIR writes this file, and the secrets that it needs beside it");
        print(&[file], json);
        return Ok(());
    };
    if let Some(busy) = busy {
        return Err(Failure::bad_input(busy));
    }
    if out.exists() && !out.is_dir() {
        return Err(Failure::bad_input(format!(
            "{} is no directory; --out names the one that gets {FILE} and secrets/",
            out.display()
        )));
    }
    warn(&services);
    let secrets = services.iter().map(|service| Rendered {
        name: format!("secrets/{}", service.id),
        text: String::from_utf8_lossy(&service.secrets).into_owned(),
        audience: Audience::Owner(service.reader()),
    });
    let files: Vec<Rendered> = std::iter::once(file).chain(secrets).collect();
    write(&files, out, args.force, json)?;
    services.iter().try_for_each(Composed::lend).map_err(Failure::bad_input)
}

fn warn(services: &[Composed]) {
    for service in services {
        for warning in &service.warnings {
            eprintln!("creel: warning: {}: {warning}", service.id);
        }
    }
}

/// What is recorded, and the images that were chosen for new instances.
async fn recorded(home: &Path) -> Result<(Vec<InstanceRecord>, Vec<(Runtime, String)>), Failure> {
    let url = settings::database(home)?.unwrap_or_else(|| DatabaseUrl::file(home.join("creel.db")));
    if url.path().is_some_and(|path| !path.exists()) {
        return Err(Failure::bad_input(format!(
            "nothing is recorded in {}; name another home with --home",
            home.display()
        )));
    }
    let read = async {
        let records = SqlRecords::look(&url).await?;
        let found = (records.instances().await?, records.images().await?);
        records.close().await;
        Ok(found)
    };
    read.await.map_err(|error: RecordsError| Failure::failed(error))
}

/// Those that are named, or all of this host.
fn select(ids: &[InstanceId], mut records: Vec<InstanceRecord>) -> Result<Vec<InstanceRecord>, Failure> {
    if let Some(unknown) = ids
        .iter()
        .find(|id| !records.iter().any(|record| record.id == id.as_str()))
    {
        let known: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
        let there = match known.is_empty() {
            true => "there are none".to_owned(),
            false => format!("there are {}", known.join(", ")),
        };
        return Err(Failure::bad_input(format!(
            "no instance \"{unknown}\" is recorded; {there}"
        )));
    }
    if !ids.is_empty() {
        records.retain(|record| ids.iter().any(|id| record.id == id.as_str()));
        return Ok(records);
    }
    let (here, elsewhere): (Vec<_>, Vec<_>) = records.into_iter().partition(Composer::takes);
    for record in &elsewhere {
        let (id, driver) = (&record.id, record.driver);
        eprintln!("creel: warning: {id}: runs elsewhere, by the driver {driver}, and is left out");
    }
    match here.is_empty() {
        true => Err(Failure::bad_input(
            "no instances of this host are recorded; make one with `creel instance create ID --no-start`",
        )),
        false => Ok(here),
    }
}

fn whole(services: &[Composed], templates: &Path) -> Result<String, Failure> {
    let mut lines = Vec::new();
    for service in services {
        let text = render(ONE, templates, &service.places)?;
        lines.extend(text.lines().map(str::to_owned));
    }
    let networks = services.iter().map(|service| {
        format!(
            "\"{}\": {{ipam: {{config: [{{subnet: {}}}]}}}}",
            service.id, service.subnet
        )
    });
    let secrets = services
        .iter()
        .map(|service| format!("\"{0}\": {{file: ./secrets/{0}}}", service.id));
    let values = vec![
        ("service", Value::Each(lines)),
        ("network", Value::Each(networks.collect())),
        ("secret", Value::Each(secrets.collect())),
    ];
    render(ALL, templates, &values)
}

/// What to do first about those that Creel runs, or would.
fn still_creels(services: &[Composed]) -> Option<String> {
    let busy = services.iter().filter(|service| service.is_creels);
    let ids: Vec<&str> = busy.map(|service| service.id.as_str()).collect();
    let ids = match ids.as_slice() {
        [] => return None,
        ids => ids.join(" "),
    };
    Some(format!(
        "two gateways must not write one directory, and `creel up` runs {}: `creel instance stop {ids}` first",
        ids.replace(' ', ", ")
    ))
}
