//! What somebody has changed of a service. It is shown, and never undone by itself: whoever did it may have meant it.

use std::fmt;

use super::calls::{Service, Stage};
use super::kept::Kept;
use super::told::DATA;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    Renamed {
        is: String,
        was: String,
    },
    /// Somebody else deployed last; what, if anything is known of it.
    Deployed(Option<String>),
    NoVolume,
    Moved {
        is: String,
        was: Option<String>,
    },
    /// Railway lets it sleep when nobody asks it.
    Asleep,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { is, was } => write!(f, "the service is called \"{is}\", not \"{was}\""),
            Self::Deployed(deployment) => {
                let deployment = deployment.as_deref().unwrap_or("none");
                write!(f, "what was deployed last ({deployment}) was not deployed by creel")
            }
            Self::NoVolume => write!(
                f,
                "the service has no volume at {DATA}: what it keeps is lost when it ends"
            ),
            Self::Moved { is, was } => {
                let was = was.as_deref().unwrap_or("none");
                write!(f, "the service is reached at {is}, not {was}")
            }
            Self::Asleep => f.write_str(
                "Railway has put the service to sleep (serverless is switched on); chat platforms don't wake it",
            ),
        }
    }
}

/// Compares a service as it is with what is kept of it.
pub fn of(service: &Service, kept: &Kept, name: &str) -> Vec<Drift> {
    let mut drift = Vec::new();
    if service.name != name {
        drift.push(Drift::Renamed {
            is: service.name.clone(),
            was: name.to_owned(),
        });
    }
    if service.deployment != kept.deployment {
        drift.push(Drift::Deployed(service.deployment.clone()));
    }
    if !service.volumes.iter().any(|mount| mount == DATA) {
        drift.push(Drift::NoVolume);
    }
    if let Some(is) = service.url.clone().filter(|url| kept.url.as_ref() != Some(url)) {
        drift.push(Drift::Moved {
            is,
            was: kept.url.clone(),
        });
    }
    if service.stage == Stage::Asleep {
        drift.push(Drift::Asleep);
    }
    drift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_a_line() {
        let kept = Kept {
            deployment: Some("d-1".into()),
            url: Some("https://a.example".into()),
            ..Kept::default()
        };
        let service = Service {
            id: "s-1".into(),
            name: "gateway".into(),
            deployment: Some("d-1".into()),
            stage: Stage::Serving,
            url: Some("https://a.example".into()),
            volumes: vec![DATA.into()],
        };
        let lines = |service: &Service| -> Vec<String> {
            let drift = of(service, &kept, "gateway");
            drift.iter().map(Drift::to_string).collect()
        };
        assert_eq!(lines(&service), [""; 0]);
        let changed = Service {
            name: "web".into(),
            deployment: Some("d-2".into()),
            stage: Stage::Asleep,
            url: Some("https://b.example".into()),
            volumes: vec![],
            ..service
        };
        assert_eq!(
            lines(&changed),
            [
                "the service is called \"web\", not \"gateway\"",
                "what was deployed last (d-2) was not deployed by creel",
                "the service has no volume at /data: what it keeps is lost when it ends",
                "the service is reached at https://b.example, not https://a.example",
                "Railway has put the service to sleep (serverless is switched on); chat platforms don't wake it",
            ]
        );
    }
}
