//! The fuzz target of the filter, over its seeds and some thousands of streams made of them.

#[path = "../../../../tests/fuzz/src/mutation.rs"]
mod mutation;
#[path = "../../../../tests/fuzz/src/stanza.rs"]
mod target;

use super::filter::{Filter, Passed};

fn passed(bytes: &[u8], parts: usize) -> Result<(Vec<u8>, Vec<usize>), ()> {
    let (mut filter, mut passed) = (Filter::default(), Passed::default());
    for part in bytes.chunks(parts) {
        filter.pass(part, &mut passed).map_err(|_| ())?;
    }
    Ok((passed.bytes, passed.borders))
}

#[test]
fn nothing_that_a_server_passes_on_hurts_the_parser_behind_the_filter() {
    mutation::bend("stanza", 3_000, |bytes| target::stanza(bytes, passed));
}
