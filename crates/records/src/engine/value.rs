//! What a statement is given: one of four types, each with a null of its own, which every engine has.
//!
//! Integers are 64 bits wide everywhere, a truth value is 0 or 1: what is bound is what a column of a migration holds.

use std::sync::Arc;

use sqlx::encode::Encode;
use sqlx::error::BoxDynError;
use sqlx::types::Type;
use sqlx::{Arguments, Database};

/// A bound value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Real(Option<f64>),
    /// Shared, because a batch says the same names again and again.
    Text(Option<Arc<str>>),
    Blob(Option<Vec<u8>>),
}

/// The values as the arguments of one engine's driver.
pub(crate) fn arguments<D>(values: Vec<Value>) -> Result<D::Arguments, BoxDynError>
where
    D: Database,
    for<'v> Option<i64>: Encode<'v, D> + Type<D>,
    for<'v> Option<f64>: Encode<'v, D> + Type<D>,
    for<'v> Option<Arc<str>>: Encode<'v, D> + Type<D>,
    for<'v> Option<Vec<u8>>: Encode<'v, D> + Type<D>,
{
    let mut arguments = D::Arguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Integer(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
        }?;
    }
    Ok(arguments)
}

/// `From<T>` and `From<Option<T>>`.
macro_rules! value_from {
    ($($type:ty => $variant:ident($convert:expr)),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Some($convert(value)))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )+};
}

value_from!(
    i64 => Integer(|value| value),
    bool => Integer(i64::from),
    u16 => Integer(i64::from),
    u32 => Integer(i64::from),
    // The engines' integers are signed; a size or a tick count beyond 2^63 does not exist.
    u64 => Integer(|value| i64::try_from(value).unwrap_or(i64::MAX)),
    f64 => Real(|value| value),
    &str => Text(Arc::from),
    String => Text(Arc::from),
    &String => Text(|value: &String| Arc::from(value.as_str())),
    Arc<str> => Text(|value| value),
    &Arc<str> => Text(Arc::clone),
    &[u8] => Blob(<[u8]>::to_vec),
    &[u8; 32] => Blob(|value: &[u8; 32]| value.to_vec()),
    Vec<u8> => Blob(|value| value),
    &Vec<u8> => Blob(Vec::clone),
);

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::from(value.as_deref())
    }
}
