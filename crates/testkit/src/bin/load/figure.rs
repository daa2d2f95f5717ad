use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Values of one measurement by what they are.
type Values = Vec<(&'static str, f64)>;

/// What was measured: printed as it comes, and at the end as medians with their spread.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    cases: Vec<Case>,
}

/// The measurements of one case.
#[derive(Debug)]
struct Case {
    part: &'static str,
    name: String,
    runs: Vec<Values>,
}

/// The median, the least and the most of several measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Figures {
    /// Takes one measurement; those of the same part and name belong together.
    pub(crate) fn add(&mut self, part: &'static str, name: &str, values: &[(&'static str, f64)]) {
        let shown: String = values.iter().map(|(key, value)| format!("  {key} {}", short(*value))).collect();
        println!("{part:<9} {name:<32}{shown}");
        let known = self.cases.iter().position(|case| case.part == part && case.name == name);
        let at = known.unwrap_or_else(|| {
            self.cases.push(Case { part, name: name.to_owned(), runs: Vec::new() });
            self.cases.len() - 1
        });
        if let Some(case) = self.cases.get_mut(at) {
            case.runs.push(values.to_vec());
        }
    }

    /// Prints each case with the median of its measurements, and least and most where there are several.
    pub(crate) fn print(&self) {
        println!();
        for case in &self.cases {
            println!("{}, {} ({} runs)", case.part, case.name, case.runs.len());
            for (key, spread) in case.spreads() {
                let Spread { median, least, most } = spread;
                println!("    {key:<22} {:>12}   {} … {}", short(median), short(least), short(most));
            }
        }
    }

    /// Everything as one JSON document; `machine` says where it was measured.
    pub(crate) fn json(&self, machine: &Value) -> String {
        let case = |case: &Case| {
            let runs: Vec<BTreeMap<&str, f64>> =
                case.runs.iter().map(|run| run.iter().copied().collect()).collect();
            let spreads: Vec<Value> = case
                .spreads()
                .into_iter()
                .map(|(name, spread)| {
                    let Spread { median, least, most } = spread;
                    json!({"name": name, "median": median, "least": least, "most": most})
                })
                .collect();
            json!({"part": case.part, "case": case.name, "figures": spreads, "runs": runs})
        };
        let cases: Vec<Value> = self.cases.iter().map(case).collect();
        format!("{:#}\n", json!({"machine": machine, "cases": cases}))
    }
}

impl Case {
    /// In the order in which the values were told.
    fn spreads(&self) -> Vec<(&'static str, Spread)> {
        let keys = self.runs.first().into_iter().flatten().map(|(key, _)| *key);
        let values =
            |key| self.runs.iter().flatten().filter(move |(one, _)| *one == key).map(|(_, value)| *value);
        keys.map(|key| {
            let mut sorted: Vec<f64> = values(key).collect();
            sorted.sort_by(f64::total_cmp);
            (
                key,
                Spread {
                    median: quantile(&sorted, 0.5),
                    least: quantile(&sorted, 0.0),
                    most: quantile(&sorted, 1.0),
                },
            )
        })
        .collect()
    }
}

/// The value below which `share` of the sorted values lie; not a number when there are none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The usual quantiles of latencies in milliseconds.
pub(crate) fn quantiles(mut latencies: Vec<f64>) -> [f64; 3] {
    latencies.sort_by(f64::total_cmp);
    [0.5, 0.99, 0.999].map(|share| quantile(&latencies, share))
}

fn short(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, quantile, quantiles};

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=1_000).rev().map(f64::from).collect();
        assert_eq!(quantiles(values), [501.0, 990.0, 999.0]);
        assert_eq!(quantiles(vec![7.0]), [7.0, 7.0, 7.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn runs_of_a_case_are_told_by_median_and_spread() {
        let mut figures = Figures::default();
        for value in [3.0, 1.0, 2.0] {
            figures.add("idle", "1000 plain", &[("KiB", value)]);
        }
        let document: serde_json::Value =
            serde_json::from_str(&figures.json(&serde_json::json!({}))).unwrap();
        let told = &document["cases"][0]["figures"][0];
        assert_eq!((&told["median"], &told["least"], &told["most"]), (&2.0.into(), &1.0.into(), &3.0.into()));
        assert_eq!(document["cases"][0]["runs"].as_array().unwrap().len(), 3);
    }
}
