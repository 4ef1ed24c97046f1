//! What was measured beside what it should be.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::Result;

/// A measured value and what it should be.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) limit: Limit,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl Bar {
    fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtLeast(limit) => self.value >= limit,
            Limit::AtMost(limit) => self.value <= limit,
        }
    }

    fn wanted(&self) -> String {
        match self.limit {
            Limit::AtLeast(limit) => format!("≥ {limit}"),
            Limit::AtMost(limit) => format!("≤ {limit}"),
        }
    }

    /// Prints it, beside the value of a saved run.
    pub(crate) fn print(&self, saved: &Saved) {
        let verdict = if self.is_met() { "pass" } else { "fail" };
        let before = saved.0.get(&self.name).map_or_else(String::new, |value| format!("  was {value:.2}"));
        println!("{:76} {:>8.2}  {:6}  {verdict}{before}", self.name, self.value, self.wanted());
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({ "name": self.name, "value": self.value, "bar": self.wanted(), "pass": self.is_met() })
    }
}

/// The values of a saved run, by their names.
#[derive(Debug, Default)]
pub(crate) struct Saved(BTreeMap<String, f64>);

impl Saved {
    /// Reads a run that this program has written.
    ///
    /// # Errors
    /// A file that cannot be read, or that is not such a run.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let run: Value = serde_json::from_slice(&fs::read(path)?)?;
        let bars = run.get("bars").and_then(Value::as_array).ok_or("not a run of this program")?;
        let values = bars
            .iter()
            .filter_map(|bar| Some((bar.get("name")?.as_str()?.to_owned(), bar.get("value")?.as_f64()?)));
        Ok(Self(values.collect()))
    }
}
