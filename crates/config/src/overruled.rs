//! Keys of the file that say something, but not what counts: the environment does. Whoever wrote them there is told.
//!
//! An instance's port, address and token come from Creel, in its environment.

use crate::ConfigError;
use crate::environment::filled;
use crate::json5::Value;
use crate::locations::PORT;
use crate::section::Section;

/// Keys of `gateway`, and the variables that go before them, the strongest first.
const OVERRULED: [(&[&str], &[&str]); 6] = [
    (&["port"], &["OPENCLAW_GATEWAY_PORT"]),
    (&["bind"], &["OPENCLAW_GATEWAY_BIND", "GATEWAY_BIND"]),
    (&["token"], &["OPENCLAW_GATEWAY_TOKEN"]),
    (&["auth", "mode"], &["GATEWAY_AUTH_MODE"]),
    (&["auth", "token"], &["OPENCLAW_GATEWAY_TOKEN"]),
    (&["auth", "password"], &["OPENCLAW_GATEWAY_PASSWORD"]),
];

/// Warns of every key that says otherwise than the variable before it.
pub(crate) fn warn_of_overruled(file: &Section) -> Result<(), ConfigError> {
    let Some(gateway) = file.get("gateway") else {
        return Ok(());
    };
    for (keys, variables) in OVERRULED {
        let Some(node) = gateway.get(keys) else { continue };
        let set = variables
            .iter()
            .find_map(|name| Some((name, filled(file.source.env, name)?)));
        let Some((name, value)) = set else { continue };
        let path = format!("gateway.{}", keys.join("."));
        let in_vain = match &node.value {
            Value::String(_) => !["", &*value].contains(&file.text(node, &path)?.trim()),
            // The usual port is what templates carry; whoever left it there asked for nothing.
            Value::Integer(number) => ![value, PORT.to_string()].contains(&number.to_string()),
            _ => true,
        };
        if in_vain {
            let message = format!("`{path}` has no effect: the environment's {name} goes before it");
            file.warn(node.span.start, message);
        }
    }
    Ok(())
}
