use serde_json::{Map, Value};

/// What was measured, printed as it comes.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    rows: Vec<Value>,
}

impl Figures {
    /// Takes one row and prints it as `name  key value  key value …`.
    pub(crate) fn add(&mut self, name: &str, values: &[(&str, f64)]) {
        let mut row = Map::new();
        row.insert("figure".to_owned(), name.into());
        let mut line = format!("{name:<34}");
        for (key, value) in values {
            row.insert((*key).to_owned(), Value::from(*value));
            line.push_str(&format!("{key} {value:<10.2} "));
        }
        println!("{}", line.trim_end());
        self.rows.push(Value::Object(row));
    }

    /// All rows as one JSON document.
    pub(crate) fn json(&self) -> String {
        Value::Array(self.rows.clone()).to_string()
    }
}

/// The value below which `share` of the sorted values lie.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
