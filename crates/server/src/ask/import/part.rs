use std::collections::HashMap;

use trunkline_model::Address;

use crate::admin::{IMPORT_BYTES, IMPORT_ROWS, ImportRow};

/// The rows in parts of which each fits into one command.
pub(super) fn parts(rows: Vec<ImportRow>) -> Vec<Vec<ImportRow>> {
    let mut parts: Vec<Vec<ImportRow>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let size = serde_json::to_string(&row).map_or(IMPORT_BYTES, |text| text.len() + 1);
        match parts.last_mut().filter(|part| part.len() < IMPORT_ROWS && bytes + size <= IMPORT_BYTES) {
            Some(part) => {
                bytes += size;
                part.push(row);
            }
            None => {
                bytes = size;
                parts.push(vec![row]);
            }
        }
    }
    parts
}

/// The names that a part gives, for the list of keys.
pub(super) fn names(rows: &[ImportRow]) -> HashMap<Address, String> {
    let named = rows.iter().filter_map(|row| Some((row.address.clone(), row.change.name()?.to_owned())));
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::parts;
    use crate::admin::{IMPORT_BYTES, IMPORT_ROWS, ImportRow, ProfileChange};

    fn row(number: usize, name: &str) -> ImportRow {
        ImportRow {
            address: format!("p{number}@example.test").parse().unwrap(),
            change: ProfileChange::of(name, name, name, name),
        }
    }

    #[test]
    fn every_row_is_in_one_part_that_fits() {
        for name in ["", &"\"\u{1F4DE}".repeat(127)] {
            let rows: Vec<_> = (0..1_001).map(|number| row(number, name)).collect();
            let parts = parts(rows);
            assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 1_001);
            for part in parts {
                assert!(part.len() <= IMPORT_ROWS, "{}", part.len());
                assert!(serde_json::to_string(&part).unwrap().len() <= IMPORT_BYTES + 2);
            }
        }
    }
}
