//! What confines one instance, collected: what is good in one sentence, and a finding for each thing that is not.

use serde_json::{Value, json};

use super::{Check, Finding, Sentence, Subject, command, say};
use crate::driver::cgroup::Kept;

pub struct Told<'a> {
    subject: &'a Subject<'a>,
    good: Vec<Sentence>,
    found: Vec<Finding>,
}

/// A sentence that is always the same.
pub fn plain(code: &'static str, text: &str) -> Sentence {
    say(code, Value::Null, text)
}

impl<'a> Told<'a> {
    pub fn of(subject: &'a Subject<'a>) -> Self {
        Self {
            subject,
            good: Vec::new(),
            found: Vec::new(),
        }
    }

    pub fn good(&mut self, what: Sentence) {
        self.good.push(what);
    }

    /// `because` is what keeps it from being so, where that is known.
    pub fn say(&mut self, is_so: bool, good: Sentence, bad: Sentence, because: Option<Sentence>) {
        if is_so {
            self.good(good);
        } else {
            self.bad(bad, because);
        }
    }

    /// What cannot be here is a warning, and the finding of what keeps it from that says what to do. What could be is an error: a
    /// start makes it so.
    pub fn bad(&mut self, what: Sentence, because: Option<Sentence>) {
        let name = self.subject.name();
        self.found.push(match because {
            Some(because) => {
                let text = format!("{what}: {because}");
                let arguments = json!({"what": what, "because": because});
                Finding::warning(Check::Hardening, name, say("because", arguments, text))
            }
            None => Finding::error(Check::Hardening, name, what).remedy(self.restart()),
        });
    }

    /// As [`Told::bad`], of another check.
    pub fn wrong(&mut self, check: Check, what: Sentence) {
        let finding = Finding::error(check, self.subject.name(), what);
        self.found.push(finding.remedy(self.restart()));
    }

    fn restart(&self) -> Sentence {
        command(format!("creel instance restart {}", self.subject.record.id))
    }

    /// The limits that it is kept to, and whether they are the recorded ones. `because` is of memory, and of processes.
    pub fn limits(&mut self, kept: &Kept, because: [Option<Sentence>; 2]) {
        let [no_memory, no_processes] = because;
        match kept.memory_bytes {
            Some(bytes) => {
                let mib = bytes >> 20;
                self.good(say("memory_limit", json!({"mib": mib}), format!("memory {mib} MiB")));
            }
            None => self.bad(plain("memory_unlimited", "its memory is not limited"), no_memory),
        }
        if let Some(cpus) = kept.cpus {
            let text = match cpus {
                1.0 => "1 core".to_owned(),
                cpus => format!("{cpus} cores"),
            };
            self.good(say("cpu_limit", json!({"cpus": cpus}), text));
        }
        match kept.processes {
            Some(most) => {
                let text = format!("{most} processes");
                self.good(say("process_limit", json!({"processes": most}), text));
            }
            // Without control groups the kernel counts them per user namespace; of that it tells nothing.
            None => {
                let text = "its processes are not counted by a control group";
                self.bad(plain("processes_uncounted", text), no_processes);
            }
        }
        let record = self.subject.record;
        self.promised("memory", record.memory_bytes, kept.memory_bytes);
        self.promised("cpus", record.cpus.map(per_cent), kept.cpus.map(per_cent));
    }

    fn promised(&mut self, what: &str, recorded: Option<u64>, kept: Option<u64>) {
        if let Some(recorded) = recorded
            && let Some(kept) = kept
            && recorded != kept
        {
            let text = format!("its limit of {what} is {kept}, and recorded is {recorded}");
            let arguments = json!({"limit": what, "kept": kept, "recorded": recorded});
            self.bad(say("limit_differs", arguments, text), None);
        }
    }

    pub fn findings(mut self) -> Vec<Finding> {
        if !self.good.is_empty() {
            let texts: Vec<&str> = self.good.iter().map(|said| &**said).collect();
            let text = format!("confined: {}", texts.join(", "));
            let what = say("confined", json!({"by": self.good}), text);
            self.found
                .push(Finding::ok(Check::Hardening, self.subject.name(), what));
        }
        self.found
    }
}

/// Of a core. Limits are kept in whole hundredths.
fn per_cent(cpus: f64) -> u64 {
    (cpus * 100.0).round() as u64
}
