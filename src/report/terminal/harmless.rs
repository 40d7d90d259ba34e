//! Text of others made harmless for a terminal before any line is made of it: what a pod logs moves no cursor. Knows no
//! lines.

use serde_json::Value;

use super::super::Consumer;
use super::super::text::plain;
use crate::event::Record;

/// Hands events on whose texts are plain.
pub(super) struct Harmless<C>(pub(super) C);

impl<C: Consumer> Consumer for Harmless<C> {
    fn record(&mut self, record: &Record) {
        let is_plain = |text: &str| !text.contains(|c: char| c != '\n' && (c.is_control() || !c.is_ascii()));
        let Ok(mut value) = serde_json::to_value(record) else { return };
        let mut is_changed = false;
        strings(&mut value, &mut |text| {
            if !is_plain(text) {
                *text = plain(text).replace('\t', "    ");
                is_changed = true;
            }
        });
        match is_changed {
            false => self.0.record(record),
            true => {
                if let Ok(record) = serde_json::from_value(value) {
                    self.0.record(&record);
                }
            }
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.0.finish()
    }
}

fn strings(value: &mut Value, each: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(values) => values.iter_mut().for_each(|value| strings(value, each)),
        Value::Object(fields) => fields.values_mut().for_each(|value| strings(value, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
