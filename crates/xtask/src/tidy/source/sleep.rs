//! Calls of `sleep` in the text of a file, inside macros too.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

pub(super) const ADVICE: &str = "a test sleeps: wait for what it needs, pause the clock, \
                                 or say `// tidy: poll` where a poll with a deadline rests";

const CALLS: &[&str] = &["sleep", "sleep_until", "sleep_ms"];
const EXCUSE: &str = "// tidy: poll";

/// The lines that call a sleep function and have no excuse on them or just above.
pub(super) fn find(text: &str) -> Vec<usize> {
    let mut calls = Vec::new();
    if let Ok(tokens) = text.parse() {
        collect(tokens, &mut calls);
    }
    let lines: Vec<_> = text.lines().collect();
    let excused = |line: usize| lines.get(line.wrapping_sub(1)).is_some_and(|line| line.contains(EXCUSE));
    calls.retain(|line| !excused(*line) && !excused(line - 1));
    calls
}

fn collect(tokens: TokenStream, calls: &mut Vec<usize>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), calls),
            TokenTree::Ident(name) if CALLS.iter().any(|call| name == call) => {
                let before = index.checked_sub(1).map(|before| &tokens[before]);
                if is_call(before, tokens.get(index + 1)) {
                    calls.push(name.span().start().line);
                }
            }
            _ => {}
        }
    }
}

/// A method or a function that is being defined is not the sleep we mean.
fn is_call(before: Option<&TokenTree>, after: Option<&TokenTree>) -> bool {
    let other = match before {
        Some(TokenTree::Punct(mark)) => mark.as_char() == '.',
        Some(TokenTree::Ident(word)) => word == "fn",
        _ => false,
    };
    !other && matches!(after, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn calls_are_told_from_methods_definitions_and_words() {
        let text = "fn sleep(x: X) {}\nphone.sleep(X);\n// sleep(X)\nlet s = \"sleep(X)\";\ntime::sleep(X);\nuse a::sleep;\n";
        assert_eq!(find(text), [5]);
    }

    #[test]
    fn an_excuse_counts_on_the_line_or_just_above() {
        assert_eq!(find("sleep(X); // tidy: poll\n// tidy: poll\nsleep(X);\nsleep(X);\n"), [4]);
    }
}
