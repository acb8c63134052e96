//! Values that a shell completes. Whether one can be is not judged here: the backend does that, in one line that says what can.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

/// Takes any text, and offers these.
pub fn offered(names: impl IntoIterator<Item = &'static str>) -> Offered {
    Offered(names.into_iter().map(PossibleValue::new).collect())
}

#[derive(Clone)]
pub struct Offered(Vec<PossibleValue>);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().cloned()))
    }
}
