//! The fuzz target of this crate, over its seeds and some thousands of files made of them.

#[path = "../../../tests/fuzz/src/config.rs"]
mod config;
#[path = "../../../tests/fuzz/src/mutation.rs"]
mod mutation;

#[test]
fn no_file_breaks_the_reading_of_the_configuration() {
    mutation::bend("config", 3_000, config::config);
}
