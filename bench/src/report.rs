//! What comes out: a table for people, JSON for machines.

use std::fs;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::host::Host;
use crate::measure::Samples;

#[derive(Serialize)]
pub struct Report {
    pub host: Host,
    pub quick: bool,
    pub versions: Value,
    pub rows: Vec<Row>,
    pub samples: Samples,
}

/// One line of the table. A figure that was not measured is NaN here and null in JSON.
#[derive(Serialize)]
pub struct Row {
    what: String,
    native: f64,
    openclaw: f64,
    bar: Option<Bar>,
    met: Option<bool>,
    note: String,
}

/// What the design demands: of the figure itself, and of its ratio to upstream's in the same run.
#[derive(Clone, Copy, Serialize)]
pub struct Bar {
    at_most: bool,
    limit: f64,
    ratio: Option<f64>,
}

impl Bar {
    pub fn at_most(limit: f64) -> Self {
        Self {
            at_most: true,
            limit,
            ratio: None,
        }
    }

    pub fn at_least(limit: f64) -> Self {
        Self {
            at_most: false,
            limit,
            ratio: None,
        }
    }

    pub fn of_upstream(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    fn holds(self, figure: f64, limit: f64) -> bool {
        if self.at_most { figure <= limit } else { figure >= limit }
    }

    fn limit_met(self, row: &Row) -> bool {
        self.holds(row.native, self.limit)
    }

    /// Met where upstream was not measured: then the figure alone counts.
    fn ratio_met(self, row: &Row) -> bool {
        self.ratio
            .is_none_or(|ratio| row.openclaw.is_nan() || self.holds(row.native / row.openclaw, ratio))
    }

    fn text(self) -> String {
        let sign = if self.at_most { "<=" } else { ">=" };
        let ratio = self
            .ratio
            .map(|ratio| format!(", {}", ratio_text(ratio)))
            .unwrap_or_default();
        format!("{sign} {}{ratio}", self.limit)
    }

    fn verdict(self, row: &Row) -> &'static str {
        match (self.limit_met(row), self.ratio_met(row)) {
            (true, true) => "met",
            (true, false) => "NOT MET (ratio)",
            (false, true) => "NOT MET (figure)",
            (false, false) => "NOT MET",
        }
    }
}

impl Row {
    pub fn new(what: &str, native: f64, openclaw: f64) -> Self {
        Self {
            what: what.to_owned(),
            native,
            openclaw,
            bar: None,
            met: None,
            note: String::new(),
        }
    }

    pub fn bar(mut self, bar: Bar) -> Self {
        self.met = Some(bar.limit_met(&self) && bar.ratio_met(&self));
        self.bar = Some(bar);
        self
    }

    pub fn note(mut self, note: String) -> Self {
        self.note = note;
        self
    }

    fn cells(&self) -> [String; 7] {
        [
            self.what.clone(),
            figure(self.native),
            figure(self.openclaw),
            if self.openclaw.is_nan() {
                "-".into()
            } else {
                ratio_text(self.native / self.openclaw)
            },
            self.bar.map(Bar::text).unwrap_or_default(),
            self.bar.map(|bar| bar.verdict(self)).unwrap_or_default().to_owned(),
            self.note.clone(),
        ]
    }
}

impl Report {
    pub fn print(&self) {
        let version = |name: &str| self.versions[name].as_str().unwrap_or("-").to_owned();
        println!(
            "\n{}, {} CPUs, {} MiB, Linux {}; network: {}; creel {}, openclaw {}, nginx {}, Portkey {}, LiteLLM {}{}\n",
            self.host.cpu,
            self.host.cpus,
            self.host.memory_mib,
            self.host.kernel,
            self.host.network,
            version("native"),
            version("openclaw"),
            version("nginx"),
            version("portkey"),
            version("litellm"),
            if self.quick { "; QUICK RUN" } else { "" },
        );
        if self.host.is_busy() {
            println!(
                "Others used this machine (load {:.1}): times are too long, rates too low.\n",
                self.host.load
            );
        }
        let head = ["what", "native", "openclaw", "ratio", "bar, ratio", "", ""].map(str::to_owned);
        let lines: Vec<_> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let [what, native, openclaw, ratio, bar, verdict, _] = std::array::from_fn(width);
        for [a, b, c, d, e, f, g] in &lines {
            let line = format!("{a:what$}  {b:>native$}  {c:>openclaw$}  {d:>ratio$}  {e:bar$}  {f:verdict$}  {g}");
            println!("{}", line.trim_end());
        }
        println!();
    }

    /// Writes `DIRECTORY/<time>.json`.
    pub fn save(&self, directory: &Path) -> anyhow::Result<()> {
        let now = OffsetDateTime::now_utc();
        let name = now.format(format_description!("[year][month][day]T[hour][minute][second]Z"))?;
        fs::create_dir_all(directory)?;
        let path = directory.join(format!("{name}.json"));
        fs::write(&path, serde_json::to_string_pretty(self)?)?;
        println!("written to {}", path.display());
        Ok(())
    }
}

fn figure(value: f64) -> String {
    match value.abs() {
        _ if value.is_nan() => "-".into(),
        ..1.0 => format!("{value:.3}"),
        ..100.0 => format!("{value:.2}"),
        _ => format!("{value:.0}"),
    }
}

/// `1/208`, or `85x`.
fn ratio_text(ratio: f64) -> String {
    if ratio >= 1.0 {
        format!("{ratio:.0}x")
    } else {
        format!("1/{:.0}", 1.0 / ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_met_by_figure_and_ratio() {
        let verdict = |native, openclaw| {
            let bar = Bar::at_most(4.0).of_upstream(1.0 / 200.0);
            bar.verdict(&Row::new("", native, openclaw))
        };
        assert_eq!(verdict(4.0, 800.0), "met");
        assert_eq!(verdict(3.0, f64::NAN), "met");
        assert_eq!(verdict(3.0, 300.0), "NOT MET (ratio)");
        assert_eq!(verdict(5.0, 2000.0), "NOT MET (figure)");
        assert_eq!(verdict(5.0, 300.0), "NOT MET");
        assert_eq!(verdict(f64::NAN, f64::NAN), "NOT MET (figure)");
        assert_eq!(
            Bar::at_least(3000.0).verdict(&Row::new("", 2999.0, f64::NAN)),
            "NOT MET (figure)"
        );
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(
            ["-", "0.274", "3.90", "829"],
            [f64::NAN, 0.2741, 3.9, 828.7]
                .map(figure)
                .each_ref()
                .map(String::as_str)
        );
        assert_eq!(
            (ratio_text(1.0 / 208.0), ratio_text(85.4)),
            ("1/208".to_owned(), "85x".to_owned())
        );
    }
}
