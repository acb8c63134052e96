//! Ports: recorded twice, taken by another program, or out of an instance's reach.

use std::collections::BTreeMap;

use creel_records::{Desired, Driver, Status};
use serde_json::json;

use super::{Check, Finding, Subject, command, say};
use crate::driver::process::Inhabitant;
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
        let text = match served {
            1 => "1 instance listens on its own".to_owned(),
            many => format!("{many} instances listen on their own"),
        };
        let what = say("listening", json!({"instances": served}), text);
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
        let ids = ids.join(" and ");
        let text = format!("recorded for {ids}");
        let what = say("port_twice", json!({"instances": ids}), text);
        Finding::error(Check::Ports, format!("port {port}"), what).remedy(say(
            "remake_all_but_one",
            json!({"remove": "creel instance rm ID", "create": "creel instance create ID --keep-data"}),
            "make all but one of them anew: `creel instance rm ID`, then `creel instance create ID --keep-data`",
        ))
    });
    told.collect()
}

/// What is wrong with its port.
fn look(subject: &Subject<'_>, listeners: &Listeners) -> Option<Finding> {
    let record = subject.record;
    let (id, number) = (&record.id, record.port);
    let error = |what| Finding::error(Check::Ports, subject.name(), what);
    if number < port::first_unprivileged() {
        let text = format!("port {number} is for programs with privileges, which instances have not");
        let what = say("port_privileged", json!({"port": number}), text);
        let (remove, create) = (
            format!("creel instance rm {id}"),
            format!("creel instance create {id} --keep-data"),
        );
        return Some(error(what).remedy(say(
            "remake_with_another_port",
            json!({"remove": remove, "create": create}),
            format!("make it anew with another port: `{remove}`, then `{create}`"),
        )));
    }
    if let Inhabitant::Contained(_) = subject.inhabitant {
        // The container's engine listens for it.
        return None;
    }
    let taken = listeners.any(number);
    if let Some(pid) = subject.pid() {
        if record.status != Status::Running || listeners.of(pid, number) {
            return None;
        }
        let arguments = json!({"port": number, "pid": pid});
        let what = if taken {
            let text = format!("another program listens on its port {number}; process {pid} does not");
            say("port_anothers_not_its", arguments, text)
        } else {
            let text = format!("process {pid} does not listen on its port {number}");
            say("port_not_its", arguments, text)
        };
        return Some(error(what).remedy(command(format!("creel instance restart {id}"))));
    }
    if !taken {
        return None;
    }
    let text = format!("another program listens on its port {number}");
    let arguments = json!({"port": number});
    let warning = |what| Finding::warning(Check::Ports, subject.name(), what);
    let finding = match (record.port_fixed, record.desired) {
        (true, Desired::Running) => error(say("port_anothers", arguments, text)),
        (true, _) => {
            let text = text + ", and it was made with this one";
            warning(say("port_anothers_made_with", arguments, text))
        }
        (false, _) => {
            let text = text + ": its next start takes another";
            return Some(warning(say("port_anothers_next", arguments, text)));
        }
    };
    let look = format!("ss -ltnp 'sport = :{number}'");
    Some(finding.remedy(say(
        "end_that_program",
        json!({"command": look}),
        format!("end that program (`{look}` names it), or make the instance anew with another port"),
    )))
}
