//! Ports: recorded twice, taken by another program, or out of an instance's reach.

use std::collections::BTreeMap;

use creel_records::{Desired, Driver, Status};

use super::{Check, Finding, Subject};
use crate::port;
use crate::procfs::Listeners;

pub fn examine(subjects: &[Subject<'_>], listeners: &Listeners) -> Vec<Finding> {
    let mut findings = twice(subjects);
    let mut served = 0;
    // Of the others the port is an engine's business.
    for subject in subjects.iter().filter(|one| one.record.driver == Driver::Process) {
        match look(subject, listeners) {
            Some(finding) => findings.push(finding),
            None => served += usize::from(subject.pid().is_some()),
        }
    }
    if served > 0 {
        let what = format!("{served} instances listen on their own");
        findings.push(Finding::ok(Check::Ports, "ports", what));
    }
    findings
}

fn twice(subjects: &[Subject<'_>]) -> Vec<Finding> {
    let mut owners: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for subject in subjects {
        owners.entry(subject.record.port).or_default().push(&subject.record.id);
    }
    owners.retain(|_, ids| ids.len() > 1);
    let told = owners.iter().map(|(port, ids)| {
        let what = format!("recorded for {}", ids.join(" and "));
        Finding::error(Check::Ports, format!("port {port}"), what).remedy(
            "make all but one of them anew: `creel instance rm ID`, then `creel instance create ID --keep-data`",
        )
    });
    told.collect()
}

/// What is wrong with its port.
fn look(subject: &Subject<'_>, listeners: &Listeners) -> Option<Finding> {
    let record = subject.record;
    let (id, number) = (&record.id, record.port);
    let error = |what: String| Finding::error(Check::Ports, subject.name(), what);
    if number < port::first_unprivileged() {
        let what = format!("port {number} is for programs with privileges, which instances have not");
        return Some(error(what).remedy(format!(
            "make it anew with another port: `creel instance rm {id}`, then `creel instance create {id} --keep-data`"
        )));
    }
    let taken = listeners.any(number);
    if let Some(pid) = subject.pid() {
        if record.status != Status::Running || listeners.of(pid, number) {
            return None;
        }
        let what = if taken {
            format!("another program listens on its port {number}; process {pid} does not")
        } else {
            format!("process {pid} does not listen on its port {number}")
        };
        return Some(error(what).remedy(format!("creel instance restart {id}")));
    }
    if !taken {
        return None;
    }
    let what = format!("another program listens on its port {number}");
    let finding = match (record.port_fixed, record.desired) {
        (true, Desired::Running) => error(what),
        (true, _) => Finding::warning(Check::Ports, subject.name(), what + ", and it was made with this one"),
        (false, _) => {
            let what = what + ": its next start takes another";
            return Some(Finding::warning(Check::Ports, subject.name(), what));
        }
    };
    Some(finding.remedy(format!(
        "end that program (`ss -ltnp 'sport = :{number}'` names it), or make the instance anew with another port"
    )))
}
