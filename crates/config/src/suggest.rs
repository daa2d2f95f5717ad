use strsim::{jaro_winkler, osa_distance};

/// Longer names are not typing errors, and comparing them would take long.
const LONGEST: usize = 64;

/// The name that was most likely meant by `typed`, if one is near.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    if typed.len() > LONGEST {
        return None;
    }
    if let Some(name) = names.clone().find(|name| normal(name) == normal(typed)) {
        return Some(name);
    }
    let near = names.map(|name| (osa_distance(&normal(typed), &normal(name)), name)).min_by_key(
        |(distance, name)| {
            // Among equally many typing errors, the name that begins alike.
            (*distance, ordered(1.0 - jaro_winkler(typed, name)))
        },
    );
    near.filter(|(distance, name)| *distance <= 1 + name.len() / 5).map(|(_, name)| name)
}

/// Letter case and separators are what is most often wrong.
fn normal(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

fn ordered(share: f64) -> u32 {
    (share.clamp(0.0, 1.0) * 1_000_000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["HTTP_BIND", "HTTPS_BIND", "DB_CONNECTION", "caFile"];
        for (typed, expected) in [
            ("HTTP_BNID", Some("HTTP_BIND")),
            ("HTTPS_BINDS", Some("HTTPS_BIND")),
            ("https_bind", Some("HTTPS_BIND")),
            ("DB_CONNECTIONSTRING", None),
            ("ca_file", Some("caFile")),
            ("cafile", Some("caFile")),
            ("EWS_URL", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, names.iter().copied()), expected, "{typed}");
        }
    }
}
