//! `creel doctor`: what is wrong with a home, its instances and the host. It asks the control plane; where none answers it looks for
//! itself, as far as that goes.

use std::path::{Path, PathBuf};

use creel_fleet::doctor::{Check, Finding, Patient, command, say};
use creel_fleet::{Home, features_without_a_fleet};
use creel_records::{DatabaseUrl, InstanceRecord, Instances as _, RecordsError, SqlRecords};
use serde_json::{Value, json};

use crate::client::{self, Client};
use crate::failure::Failure;
use crate::{output, settings};

/// Subjects that are named of many with the same finding.
const NAMED: usize = 5;

pub async fn run(home: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let asked = match Client::new(home.clone()) {
        Ok(client) => client.get("/api/doctor").await,
        Err(failure) => Err(failure),
    };
    let answer = match asked {
        Ok(answer) => answer,
        // Somebody who names a backend means that one.
        Err(failure) if std::env::var_os("CREEL_URL").is_some_and(|url| !url.is_empty()) => return Err(failure),
        Err(failure) => json!({"findings": alone(&client::home(home)?, &failure).await?}),
    };
    let findings = answer["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    output::print_or(json, &answer, || show(findings));
    match count(findings, "error") {
        0 => Ok(()),
        1 => Err(Failure::failed("1 error found; see above what to do")),
        errors => Err(Failure::failed(format!("{errors} errors found; see above what to do"))),
    }
}

/// What is found without a control plane.
async fn alone(home: &Path, failure: &Failure) -> Result<Vec<Finding>, Failure> {
    let is_supervised = Home::is_in_use(home);
    let mut findings = vec![of_control_plane(home, is_supervised, failure)?];
    let records = match records(home).await {
        Ok(records) => records,
        Err(finding) => {
            findings.extend(finding);
            Vec::new()
        }
    };
    let creel_exe = std::env::current_exe().map_err(Failure::from_error)?;
    let patient = Patient {
        features: features_without_a_fleet(&creel_exe).await,
        home: home.to_owned(),
        records,
        creel_exe,
        docker_host: std::env::var("DOCKER_HOST").ok(),
        openclaw_cache: std::env::var_os("CREEL_OPENCLAW_CACHE").map(PathBuf::from),
        is_supervised,
    };
    findings.extend(patient.examine().await.map_err(Failure::from_error)?);
    findings.sort_by_key(|finding| finding.severity);
    Ok(findings)
}

fn of_control_plane(home: &Path, is_in_use: bool, failure: &Failure) -> Result<Finding, Failure> {
    const SUBJECT: &str = "control plane";
    let shown = home.display();
    if is_in_use {
        let reason = failure.message();
        let text = format!("`creel up` has {shown} and cannot be asked: {reason}");
        let what = say("up_does_not_answer", json!({"path": home, "reason": reason}), text);
        return Ok(Finding::error(Check::ControlPlane, SUBJECT, what));
    }
    if Home::is_one(home) {
        let text =
            format!("no `creel up` runs on {shown}: what follows is what files and processes tell by themselves");
        let what = say("no_up", json!({"path": home}), text);
        return Ok(Finding::warning(Check::ControlPlane, SUBJECT, what).remedy(command("creel up")));
    }
    let is_empty = std::fs::read_dir(home).map_or(!home.exists(), |mut entries| entries.next().is_none());
    if is_empty {
        let text = format!("{shown} is no home yet; the first `creel up` makes it one");
        let what = say("no_home_yet", json!({"path": home}), text);
        return Ok(Finding::ok(Check::ControlPlane, SUBJECT, what));
    }
    Err(Failure::bad_input(format!(
        "{shown} is no home of Creel; name another with --home"
    )))
}

/// The instances that are recorded, or why that is not known; neither where there are no records yet.
async fn records(home: &Path) -> Result<Vec<InstanceRecord>, Option<Finding>> {
    let unreadable = |reason: String| Some(of_records(reason));
    let named = settings::database(home).map_err(|failure| unreadable(failure.message().to_owned()))?;
    let url = named.unwrap_or_else(|| DatabaseUrl::file(home.join("creel.db")));
    if url.path().is_some_and(|path| !path.exists()) {
        return Err(None);
    }
    let read = async {
        let records = SqlRecords::look(&url).await?;
        let found = records.instances().await;
        records.close().await;
        found
    };
    read.await.map_err(|error: RecordsError| unreadable(error.to_string()))
}

fn of_records(reason: String) -> Finding {
    let what = say("records_unreadable", json!({"reason": reason}), reason.clone());
    Finding::error(Check::ControlPlane, "records", what)
}

fn count(findings: &[Value], severity: &str) -> usize {
    findings
        .iter()
        .filter(|finding| finding["severity"] == severity)
        .count()
}

/// The worst first; what is the same of many is said once.
fn show(findings: &[Value]) {
    let mut groups: Vec<(&Value, Vec<&str>)> = Vec::new();
    for finding in findings {
        let subject = finding["subject"].as_str().unwrap_or_default();
        let same = |(first, _): &&mut (&Value, Vec<&str>)| {
            first["severity"] == finding["severity"] && first["what"] == finding["what"]
        };
        match groups.iter_mut().find(same) {
            Some((_, subjects)) => subjects.push(subject),
            None => groups.push((finding, vec![subject])),
        }
    }
    for (finding, subjects) in &groups {
        let text = |key: &str| finding[key].as_str().unwrap_or_default();
        output::line(&format!(
            "{:<7}  {}: {}",
            text("severity"),
            named(subjects),
            text("what")
        ));
        if let Some(remedy) = finding["remedy"].as_str() {
            output::line(&format!("         -> {remedy}"));
        }
    }
    let (errors, warnings, good) = (
        count(findings, "error"),
        count(findings, "warning"),
        count(findings, "ok"),
    );
    let well = match good {
        1 => "1 thing is as it should be".to_owned(),
        many => format!("{many} things are as they should be"),
    };
    output::line(&format!(
        "{}, {}; {well}",
        output::count(errors, "error"),
        output::count(warnings, "warning")
    ));
}

/// `instance a, instance b and 998 more`
fn named(subjects: &[&str]) -> String {
    let shown = subjects.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match subjects.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_a_few_are_named() {
        assert_eq!(named(&["a"]), "a");
        assert_eq!(named(&["a", "b", "c", "d", "e"]), "a, b, c, d, e");
        assert_eq!(named(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
