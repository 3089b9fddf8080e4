//! Lays out the tokens of a table as a person would: every field and every list entry on a line of its own.
//!
//! prettyplease and rustfmt join what fits into a line, so that a longer name reflows its neighbours and a
//! one-word edit becomes a diff of a block. Here the layout follows from the structure alone: braces and
//! brackets open a block unless they are empty, parentheses never do.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

const INDENT: &str = "    ";

/// The tokens of one item as text, with a line end.
pub(super) fn item(tokens: TokenStream) -> String {
    let mut layout = Layout {
        text: String::new(),
        depth: 0,
        previous: Previous::Start,
    };
    layout.stream(tokens);
    layout.text.push('\n');
    layout.text
}

struct Layout {
    text: String,
    depth: usize,
    previous: Previous,
}

/// What was printed last, as far as it decides whether a space follows.
#[derive(Clone, Copy, PartialEq)]
enum Previous {
    /// The start of a line or of a parenthesis.
    Start,
    /// An identifier, a literal or a closing delimiter.
    Word,
    /// An operator that takes a space after it, such as `=` and `:`.
    Operator,
    /// A sign that what follows sticks to, such as `&` and `::`.
    Prefix,
}

impl Layout {
    fn stream(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(ident) => self.word(&ident.to_string()),
                TokenTree::Literal(literal) => self.word(&literal.to_string()),
                TokenTree::Group(group) => match group.delimiter() {
                    Delimiter::Brace => self.block(group.stream(), " {", "}"),
                    Delimiter::Bracket => self.block(group.stream(), "[", "]"),
                    Delimiter::Parenthesis => self.parenthesis(group.stream()),
                    Delimiter::None => self.stream(group.stream()),
                },
                TokenTree::Punct(punct) => {
                    let joined = punct.spacing() == Spacing::Joint
                        && matches!(tokens.peek(), Some(TokenTree::Punct(_)));
                    match (punct.as_char(), joined) {
                        (':', true) => {
                            tokens.next();
                            self.text.push_str("::");
                            self.previous = Previous::Prefix;
                        }
                        ('&', _) => self.prefix("&"),
                        ('\'', _) => self.prefix("'"),
                        (sign @ (';' | ','), _) => {
                            self.text.push(sign);
                            self.previous = Previous::Operator;
                        }
                        (':', false) => {
                            self.text.push(':');
                            self.previous = Previous::Operator;
                        }
                        (sign, _) => {
                            self.text.push(' ');
                            self.text.push(sign);
                            self.previous = Previous::Operator;
                        }
                    }
                }
            }
        }
    }

    fn word(&mut self, word: &str) {
        self.space();
        self.text.push_str(word);
        self.previous = Previous::Word;
    }

    fn prefix(&mut self, sign: &str) {
        self.space();
        self.text.push_str(sign);
        self.previous = Previous::Prefix;
    }

    fn space(&mut self) {
        if matches!(self.previous, Previous::Word | Previous::Operator) {
            self.text.push(' ');
        }
    }

    fn parenthesis(&mut self, tokens: TokenStream) {
        self.text.push('(');
        self.previous = Previous::Start;
        self.stream(tokens);
        self.text.push(')');
        self.previous = Previous::Word;
    }

    /// A list of entries between delimiters, one on each line, each with its comma.
    fn block(&mut self, tokens: TokenStream, open: &str, close: &str) {
        let open = if self.previous == Previous::Word {
            open
        } else {
            self.space();
            open.trim_start()
        };
        self.text.push_str(open);
        if !tokens.is_empty() && is_type(&tokens) {
            self.previous = Previous::Start;
            self.stream(tokens);
        } else if !tokens.is_empty() {
            self.depth += 1;
            for entry in entries(tokens) {
                self.line();
                self.stream(entry);
                self.text.push(',');
            }
            self.depth -= 1;
            self.line();
        }
        self.text.push_str(close);
        self.previous = Previous::Word;
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(INDENT, self.depth));
        self.previous = Previous::Start;
    }
}

/// Whether a bracket holds the element type of a slice, `&Upstream`, as opposed to a list: a list that the
/// emitters write always ends in a comma.
fn is_type(tokens: &TokenStream) -> bool {
    let last = tokens.clone().into_iter().last();
    !matches!(last, Some(TokenTree::Punct(punct)) if punct.as_char() == ',')
}

/// The entries between commas.
fn entries(tokens: TokenStream) -> Vec<TokenStream> {
    let mut entries = vec![Vec::new()];
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => entries.push(Vec::new()),
            _ => entries.last_mut().expect("starts with one").push(token),
        }
    }
    entries.retain(|entry| !entry.is_empty());
    entries
        .into_iter()
        .map(|entry| entry.into_iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn one_entry_a_line_whatever_its_width() {
        let tokens = quote! {
            pub static A: Upstream = Upstream::new(UpstreamSettings {
                name: "a",
                aliases: &[],
                targets: &[&B, &C,],
                size: 8 * MIB,
                timeout: Some(Duration::from_secs(30)),
            });
        };
        let expected = "pub static A: Upstream = Upstream::new(UpstreamSettings {
    name: \"a\",
    aliases: &[],
    targets: &[
        &B,
        &C,
    ],
    size: 8 * MIB,
    timeout: Some(Duration::from_secs(30)),
});
";
        assert_eq!(item(tokens), expected);
    }

    #[test]
    fn slice_types_stay_in_line() {
        let tokens: TokenStream = "pub static ALL: &[&Key] = &[&A,];".parse().unwrap();
        assert_eq!(item(tokens), "pub static ALL: &[&Key] = &[\n    &A,\n];\n");
    }
}
