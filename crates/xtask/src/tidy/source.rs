//! Rust files: how long they and their functions are, how modules are named, and tests that sleep.

mod function;
mod sleep;

use std::ops::RangeInclusive;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, ImplItemFn, ItemFn, ItemMod, Signature, TraitItemFn};

pub(super) use function::{Function, judge};

use super::{Finding, layout};

const MAX_FILE: usize = 450;
const LONG_FILE: usize = 400;

/// What one file holds, for rules of the whole and of the file.
#[derive(Default)]
pub(super) struct Source {
    pub(super) functions: Vec<Function>,
    pub(super) findings: Vec<Finding>,
    pub(super) remarks: Vec<String>,
}

/// Reads a file and applies the rules that one file can break alone.
pub(super) fn read(path: &Path, text: &str) -> Source {
    let mut source = Source::default();
    check_length(path, text, &mut source);
    let file = match syn::parse_file(text) {
        Ok(file) => file,
        Err(error) => {
            let line = error.span().start().line;
            source.findings.push(Finding::new(path, line, format!("cannot be parsed: {error}")));
            return source;
        }
    };
    let mut reader = Reader { path, source: &mut source, tests: Vec::new(), paused: Vec::new() };
    if is_test_file(path) {
        reader.tests.push(1..=usize::MAX);
    }
    reader.visit_file(&file);
    let (tests, paused) = (reader.tests, reader.paused);
    let within = |lines: &[RangeInclusive<usize>], line| lines.iter().any(|range| range.contains(&line));
    source.functions.retain(|function| !within(&tests, function.line));
    let sleeps =
        sleep::find(text).into_iter().filter(|line| within(&tests, *line) && !within(&paused, *line));
    source.findings.extend(sleeps.map(|line| Finding::new(path, line, sleep::ADVICE)));
    source
}

fn check_length(path: &Path, text: &str, source: &mut Source) {
    let lines = text.lines().count();
    if lines > MAX_FILE {
        let message = format!("{lines} lines: split it, at most {MAX_FILE} are allowed");
        source.findings.push(Finding::new(path, 0, message));
    } else if lines > LONG_FILE {
        source.remarks.push(format!("{} grows long: {lines} lines", path.display()));
    }
}

fn is_test_file(path: &Path) -> bool {
    path.with_extension("").components().any(|part| part.as_os_str() == "tests")
}

struct Reader<'a> {
    path: &'a Path,
    source: &'a mut Source,
    /// Lines that hold tests.
    tests: Vec<RangeInclusive<usize>>,
    /// Lines that run under tokio's paused clock, where sleeping costs nothing.
    paused: Vec<RangeInclusive<usize>>,
}

impl Reader<'_> {
    fn function(&mut self, attributes: &[Attribute], signature: &Signature, block: &syn::Block) {
        let first = signature.fn_token.span.start().line;
        let last = block.brace_token.span.close().end().line;
        if attributes.iter().any(is_test) {
            self.tests.push(first..=last);
        }
        if attributes.iter().any(|attribute| mentions(attribute, "start_paused")) {
            self.paused.push(first..=last);
        }
        let function = Function::new(self.path, signature.ident.to_string(), first..=last);
        self.source.functions.push(function);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.attrs, &item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let first = item.mod_token.span.start().line;
        if let Some((braces, _)) = &item.content {
            self.source.findings.extend(layout::check_name(self.path, first, &item.ident.to_string()));
            if item.attrs.iter().any(is_test) {
                self.tests.push(first..=braces.span.close().end().line);
            }
        }
        visit::visit_item_mod(self, item);
    }
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]` and their like.
fn is_test(attribute: &Attribute) -> bool {
    let path = attribute.path();
    let marks_test = path.segments.last().is_some_and(|segment| segment.ident == "test");
    marks_test || (path.is_ident("cfg") && mentions(attribute, "test") && !mentions(attribute, "not"))
}

fn mentions(attribute: &Attribute, word: &str) -> bool {
    fn any(tokens: proc_macro2::TokenStream, word: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == word,
            proc_macro2::TokenTree::Group(group) => any(group.stream(), word),
            _ => false,
        })
    }
    attribute.meta.require_list().is_ok_and(|list| any(list.tokens.clone(), word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_at(path: &str, text: &str) -> Source {
        read(Path::new(path), text)
    }

    fn sleeps(path: &str, text: &str) -> Vec<usize> {
        read_at(path, text).findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn functions_are_measured_from_signature_to_brace_and_tests_left_aside() {
        let text = "/// Doc.\nfn one() {\n    two()\n}\n#[cfg(test)]\nmod tests {\n    fn three() {}\n}\n\
                    trait T {\n    fn four(&self) {}\n}\n#[test]\nfn five() {}\n";
        let lengths: Vec<_> = read_at("a.rs", text).functions.iter().map(|f| (f.line, f.lines)).collect();
        assert_eq!(lengths, [(2, 3), (10, 1)]);
        assert!(read_at("crates/a/tests/b.rs", text).functions.is_empty());
    }

    #[test]
    fn a_sleep_in_a_test_is_found_even_inside_a_macro() {
        let text = "#[tokio::test]\nasync fn a() {\n    tokio::select! {\n        () = sleep(LONG) => {}\n    }\n}\n";
        assert_eq!(sleeps("a.rs", text), [4]);
        assert_eq!(sleeps("crates/a/tests/b.rs", "fn a() {\n    std::thread::sleep(LONG);\n}\n"), [2]);
    }

    #[test]
    fn sleeping_is_fine_outside_tests_under_a_paused_clock_and_in_a_poll() {
        assert_eq!(sleeps("a.rs", "fn a() {\n    std::thread::sleep(LONG);\n}\n"), [0; 0]);
        let paused = "#[tokio::test(start_paused = true)]\nasync fn a() {\n    sleep(LONG).await;\n}\n";
        assert_eq!(sleeps("a.rs", paused), [0; 0]);
        let poll = "#[test]\nfn a() {\n    // tidy: poll\n    sleep(SHORT);\n}\n";
        assert_eq!(sleeps("a.rs", poll), [0; 0]);
    }

    #[test]
    fn cfg_not_test_is_no_test() {
        assert_eq!(
            sleeps("a.rs", "#[cfg(not(test))]\nmod a {\n    fn b() {\n        sleep(X)\n    }\n}\n"),
            [0; 0]
        );
    }

    #[test]
    fn long_files_and_empty_names_are_found() {
        assert_eq!(read_at("a.rs", &"//\n".repeat(MAX_FILE)).findings, []);
        assert_eq!(read_at("a.rs", &"//\n".repeat(MAX_FILE)).remarks.len(), 1);
        assert_eq!(read_at("a.rs", &"//\n".repeat(MAX_FILE + 1)).findings.len(), 1);
        assert_eq!(read_at("a.rs", "mod utils {}\n").findings.len(), 1);
    }

    #[test]
    fn a_file_that_does_not_parse_is_a_finding() {
        assert_eq!(sleeps("a.rs", "fn a() {}\nfn fn\n"), [2]);
    }
}
