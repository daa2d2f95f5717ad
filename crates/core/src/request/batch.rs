use std::collections::{HashMap, HashSet};

use trunkline_wire::{Parsed, RequestId};

/// Which request ids one frame holds, and which of them depend on themselves over however many others.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    ids: HashSet<String>,
    circular: HashSet<String>,
}

impl Plan {
    pub(crate) fn new(batch: &[Parsed]) -> Self {
        let mut edges: HashMap<&str, Vec<&str>> = HashMap::new();
        for request in batch.iter().filter_map(|parsed| parsed.as_ref().ok()) {
            // An id that comes twice waits for whatever either of the two waits for.
            edges
                .entry(request.id.key())
                .or_default()
                .extend(request.dependencies.iter().map(String::as_str));
        }
        let malformed = batch.iter().filter_map(|parsed| parsed.as_ref().err()?.id.as_ref());
        let ids = edges.keys().copied().chain(malformed.map(RequestId::key)).map(str::to_owned).collect();
        Self { ids, circular: circular(&edges) }
    }

    /// Whether the frame holds a request with this id, be it malformed.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.ids.contains(key)
    }

    /// Whether the request waits for itself, or for somebody who waits for himself: neither could ever begin.
    pub(crate) fn is_circular(&self, key: &str) -> bool {
        self.circular.contains(key)
    }
}

type Edges<'a> = HashMap<&'a str, HashSet<&'a str>>;

/// What is left when whatever waits for nothing, and whatever nothing waits for, has been taken away again and again.
fn circular(dependencies: &HashMap<&str, Vec<&str>>) -> HashSet<String> {
    let mut waits: Edges<'_> = HashMap::new();
    for (id, keys) in dependencies {
        let inside = keys.iter().copied().filter(|key| dependencies.contains_key(key));
        waits.insert(id, inside.collect());
    }
    trimmed(&reversed(&trimmed(&waits))).into_keys().map(str::to_owned).collect()
}

/// The graph without the nodes from which every path ends.
fn trimmed<'a>(edges: &Edges<'a>) -> Edges<'a> {
    let mut left = edges.clone();
    let backwards = reversed(edges);
    let mut free: Vec<&str> = edges.iter().filter(|(_, to)| to.is_empty()).map(|(id, _)| *id).collect();
    while let Some(id) = free.pop() {
        left.remove(id);
        for before in backwards.get(id).into_iter().flatten() {
            if let Some(to) = left.get_mut(before)
                && to.remove(id)
                && to.is_empty()
            {
                free.push(before);
            }
        }
    }
    left
}

fn reversed<'a>(edges: &Edges<'a>) -> Edges<'a> {
    let mut backwards: Edges<'a> = edges.keys().map(|id| (*id, HashSet::new())).collect();
    for (id, to) in edges {
        for key in to {
            backwards.entry(key).or_default().insert(id);
        }
    }
    backwards
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::circular;

    fn circles(edges: &[(&str, &[&str])]) -> Vec<String> {
        let edges: HashMap<&str, Vec<&str>> = edges.iter().map(|(id, to)| (*id, to.to_vec())).collect();
        let mut found: Vec<_> = circular(&edges).into_iter().collect();
        found.sort();
        found
    }

    #[test]
    fn circles_are_found_and_chains_are_not() {
        assert!(circles(&[("a", &[]), ("b", &["a", "a", "elsewhere"]), ("c", &["b"])]).is_empty());
        assert_eq!(circles(&[("a", &["a"]), ("b", &[])]), ["a"]);
        assert_eq!(circles(&[("a", &["c"]), ("b", &["a"]), ("c", &["b"]), ("d", &["a"])]), ["a", "b", "c"]);
    }
}
