//! Numbers.

use super::parser::Parser;
use super::string::is_name_part;
use super::{SyntaxError, Value};

impl<'a> Parser<'a> {
    /// A number; its sign or first character is next.
    pub(super) fn number(&mut self) -> Result<Value, SyntaxError> {
        let start = self.pos;
        let negative = match self.peek() {
            Some('-') => {
                self.bump();
                true
            }
            Some('+') => {
                self.bump();
                false
            }
            _ => false,
        };
        let value = if self.eat("Infinity") {
            Value::Float(f64::INFINITY)
        } else if self.eat("NaN") {
            Value::Float(f64::NAN)
        } else if self.eat("0x") || self.eat("0X") {
            self.hex_number(start)?
        } else {
            self.decimal(start)?
        };
        if self.peek().is_some_and(is_name_part) {
            return Err(self.error_at(start, format!("{:?} is not a number", self.word(start))));
        }
        Ok(match value {
            Value::Integer(0) if negative => Value::Float(-0.0),
            Value::Integer(value) if negative => Value::Integer(-value),
            Value::Float(value) if negative => Value::Float(-value),
            value => value,
        })
    }

    fn hex_number(&mut self, start: usize) -> Result<Value, SyntaxError> {
        let digits = self.digits(16);
        if digits.is_empty() {
            return Err(self.error_at(start, "0x must be followed by hex digits"));
        }
        Ok(match i64::from_str_radix(digits, 16) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Float(
                digits
                    .chars()
                    .filter_map(|c| c.to_digit(16))
                    .fold(0.0, |sum, digit| sum * 16.0 + f64::from(digit)),
            ),
        })
    }

    fn decimal(&mut self, start: usize) -> Result<Value, SyntaxError> {
        let from = self.pos;
        let whole = self.digits(10);
        if whole.len() > 1 && whole.starts_with('0') {
            return Err(self.error_at(start, "a number cannot begin with 0 and more digits; leave the 0 out"));
        }
        let mut fraction = "";
        let point = self.eat(".");
        if point {
            fraction = self.digits(10);
        }
        if whole.is_empty() && fraction.is_empty() {
            return Err(self.error_at(start, format!("{:?} is not a number", self.word(start))));
        }
        let exponent = self.eat("e") || self.eat("E");
        if exponent {
            let _ = self.eat("+") || self.eat("-");
            if self.digits(10).is_empty() {
                return Err(self.error_at(start, "the exponent of this number has no digits"));
            }
        }
        let text = &self.text[from..self.pos];
        if !point
            && !exponent
            && let Ok(value) = text.parse()
        {
            return Ok(Value::Integer(value));
        }
        // Rust reads a point with no digit on one side of it as JSON5 does.
        text.parse()
            .map(Value::Float)
            .map_err(|_| self.error_at(start, format!("{text:?} is not a number")))
    }

    fn digits(&mut self, radix: u32) -> &'a str {
        let start = self.pos;
        while self.peek().is_some_and(|c| c.is_digit(radix)) {
            self.bump();
        }
        &self.text[start..self.pos]
    }
}
