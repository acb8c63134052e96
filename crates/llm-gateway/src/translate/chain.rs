//! One translation behind another.

use super::{StreamTranslator, Untranslatable};
use crate::sse;

pub struct Chain {
    first: Box<dyn StreamTranslator>,
    second: Box<dyn StreamTranslator>,
}

impl Chain {
    pub fn new(first: Box<dyn StreamTranslator>, second: Box<dyn StreamTranslator>) -> Self {
        Self { first, second }
    }

    fn pass_on(&mut self, between: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable> {
        for data in sse::events(between).filter_map(sse::data) {
            self.second.event(&data, out)?;
        }
        Ok(())
    }
}

impl StreamTranslator for Chain {
    fn event(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), Untranslatable> {
        let mut between = Vec::new();
        self.first.event(data, &mut between)?;
        self.pass_on(&between, out)
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let mut between = Vec::new();
        self.first.end(&mut between);
        // What the first writes, the second reads.
        let _ = self.pass_on(&between, out);
        self.second.end(out);
    }
}
