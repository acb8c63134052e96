//! What an engine is, and which limits it can keep, as it says itself (`GET /version`, `GET /info`).

use std::time::Duration;

use serde_json::Value;

use super::engine::{Engine, EngineError};

/// The first version of the API with everything that is asked for: Docker 20.10, Podman 4.
const OLDEST: (u32, u32) = (1, 41);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    pub version: String,
    /// Of the API it speaks, such as `1.45`.
    pub api: String,
    pub is_podman: bool,
    /// Its root is no root of this host.
    pub is_rootless: bool,
    pub keeps_memory: bool,
    pub keeps_cpus: bool,
    pub keeps_processes: bool,
    /// Swap counts too, where there is a limit of memory.
    pub counts_swap: bool,
}

impl EngineFacts {
    /// Asks who answers, for so long at most, and then what it can.
    pub async fn ask(engine: &Engine, patience: Duration) -> Result<Self, EngineError> {
        let version = engine.greet(patience).await?;
        Ok(Self::read(&version, &engine.get("/info").await?))
    }

    fn read(version: &Value, info: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let components = version["Components"].as_array().into_iter().flatten();
        let mut names = components.filter_map(|part| part["Name"].as_str());
        let options = info["SecurityOptions"].as_array().into_iter().flatten();
        let mut options = options.filter_map(Value::as_str);
        // Without control groups it answers as if it had them, and keeps nothing.
        let keeps = |limit: &str| info["CgroupDriver"] != "none" && info[limit] != false;
        Self {
            version: text(&version["Version"]),
            api: text(&version["ApiVersion"]),
            is_podman: names.any(|name| name.contains("Podman")),
            is_rootless: options.any(|option| option.contains("rootless")),
            keeps_memory: keeps("MemoryLimit"),
            keeps_cpus: keeps("CpuCfsQuota"),
            keeps_processes: keeps("PidsLimit"),
            counts_swap: keeps("SwapLimit"),
        }
    }

    pub fn name(&self) -> &'static str {
        if self.is_podman { "Podman" } else { "Docker" }
    }

    /// Whether it lacks calls that are needed.
    pub fn is_too_old(&self) -> bool {
        let mut numbers = self.api.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < OLDEST
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(api: &str, info: &Value) -> EngineFacts {
        EngineFacts::read(&json!({"Version": "1.2.3", "ApiVersion": api}), info)
    }

    #[test]
    fn what_it_cannot_keep_is_known() {
        let all = json!({"MemoryLimit": true, "SwapLimit": true, "CpuCfsQuota": true, "PidsLimit": true});
        let keeps = |info: &Value| {
            let facts = facts("1.45", info);
            [
                facts.keeps_memory,
                facts.keeps_cpus,
                facts.keeps_processes,
                facts.counts_swap,
            ]
        };
        assert_eq!(keeps(&all), [true; 4]);
        let mut some = all.clone();
        some["SwapLimit"] = json!(false);
        some["CpuCfsQuota"] = json!(false);
        assert_eq!(keeps(&some), [true, false, true, false]);
        let mut none = all;
        none["CgroupDriver"] = json!("none");
        assert_eq!(keeps(&none), [false; 4]);
    }

    #[test]
    fn versions_of_the_api_are_numbers() {
        for (api, is_too_old) in [
            ("1.41", false),
            ("1.100", false),
            ("2.0", false),
            ("1.9", true),
            ("1.40", true),
            ("", true),
        ] {
            assert_eq!(facts(api, &Value::Null).is_too_old(), is_too_old, "{api}");
        }
        let rootless = facts(
            "1.45",
            &json!({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}),
        );
        assert!(rootless.is_rootless && !rootless.is_podman);
    }
}
