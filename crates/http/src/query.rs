//! A query string, `?name=value&…`: every parameter is one that the path takes, and says what it must.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::Problem;

/// Extracts `T` from the query string.
pub struct Query<T>(pub T);

/// What a path's parameters say.
pub trait FromQuery: Sized {
    /// All of them.
    const NAMES: &'static [&'static str];

    /// # Errors
    /// What a parameter must be and is not.
    fn from_query(parameters: &Parameters) -> Result<Self, Problem>;
}

impl<T: FromQuery, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let parameters = Parameters::parse(parts.uri.query().unwrap_or_default(), T::NAMES)?;
        T::from_query(&parameters).map(Self)
    }
}

/// A path without parameters.
impl FromQuery for () {
    const NAMES: &'static [&'static str] = &[];

    fn from_query(_: &Parameters) -> Result<Self, Problem> {
        Ok(())
    }
}

/// A middleware for paths that take no parameters: a mistaken one must not seem to have been understood.
pub async fn no_query(request: Request, next: Next) -> Response {
    match Parameters::parse(request.uri().query().unwrap_or_default(), &[]) {
        Ok(_) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Names and values, each name once.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn parse(query: &str, names: &[&str]) -> Result<Self, Problem> {
        let mut found: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !names.contains(&&*name) {
                return Err(Problem::bad_request(match names {
                    [] => format!("query: {name:?} is no parameter; this path takes none"),
                    _ => format!("query: {name:?} is no parameter; this path takes {}", names.join(", ")),
                }));
            }
            if found.iter().any(|(before, _)| *before == name) {
                return Err(Problem::bad_request(format!("query: {name} is given twice")));
            }
            found.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(found))
    }

    /// A text; `None` where it is not given, or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    }

    /// # Errors
    /// It is no whole number, negative, or too large.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let number = |text: String| {
            let problem = |_| Problem::bad_request(format!("query: {name} is {text:?}; it must be a whole number"));
            text.parse().map_err(problem)
        };
        self.text(name).map(number).transpose()
    }

    /// # Errors
    /// It is no whole number, or outside of the range.
    pub fn number_within<T: FromStr + PartialOrd + Display>(
        &self,
        name: &str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, Problem> {
        let number = |text: String| {
            let number = text.parse().ok().filter(|number| range.contains(number));
            let (least, most) = (range.start(), range.end());
            let problem = || format!("query: {name} is {text:?}; it must be a whole number from {least} to {most}");
            number.ok_or_else(|| Problem::bad_request(problem()))
        };
        self.text(name).map(number).transpose()
    }

    /// Off where it is not given.
    ///
    /// # Errors
    /// It is neither `true` nor `false`.
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name).as_deref() {
            Some("true") => Ok(true),
            None | Some("false") => Ok(false),
            Some(other) => Err(Problem::bad_request(format!(
                "query: {name} is {other:?}; it must be true or false"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T>(result: Result<T, Problem>) -> String {
        result.err().unwrap().detail
    }

    #[test]
    fn values_are_read_as_browsers_write_them() {
        let query = Parameters::parse("a=x+%E5%9B%9B&n=7&yes=true&empty=", &["a", "n", "yes", "empty"]).unwrap();
        assert_eq!(query.text("a").as_deref(), Some("x 四"));
        assert_eq!(query.text("empty"), None);
        assert_eq!(query.number::<u32>("n").unwrap(), Some(7));
        assert_eq!(query.number::<u32>("other").unwrap(), None);
        assert!(query.flag("yes").unwrap() && !query.flag("other").unwrap());
    }

    #[test]
    fn what_is_wrong_is_said_in_a_line() {
        assert_eq!(
            refusal(Parameters::parse("limt=1", &["limit", "after"])),
            "query: \"limt\" is no parameter; this path takes limit, after"
        );
        assert_eq!(
            refusal(Parameters::parse("x", &[])),
            "query: \"x\" is no parameter; this path takes none"
        );
        assert_eq!(refusal(Parameters::parse("a=1&a=2", &["a"])), "query: a is given twice");
        let query = Parameters::parse("n=many&f=yes", &["n", "f"]).unwrap();
        assert_eq!(
            refusal(query.number::<u32>("n")),
            "query: n is \"many\"; it must be a whole number"
        );
        for (text, number) in [
            ("1", Some(1)),
            ("9", Some(9)),
            ("0", None),
            ("10", None),
            ("-1", None),
            ("x", None),
        ] {
            let query = Parameters::parse(&format!("n={text}"), &["n"]).unwrap();
            let within = query.number_within::<u32>("n", 1..=9);
            match number {
                Some(_) => assert_eq!(within.unwrap(), number),
                None => assert_eq!(
                    refusal(within),
                    format!("query: n is {text:?}; it must be a whole number from 1 to 9")
                ),
            }
        }
        assert_eq!(
            refusal(query.flag("f")),
            "query: f is \"yes\"; it must be true or false"
        );
    }
}
