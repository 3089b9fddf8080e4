//! A file of static tables: its purpose, its imports, its entries, each with its origin in the spec.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Spacing, TokenStream, TokenTree};
use quote::quote;

use crate::emit::dataplane::{layout, literal};
use crate::key_path::KeyPath;

/// The structures of `runtime::topology` that tables may name.
const VOCABULARY: &[&str] = &[
    "Access",
    "Algorithm",
    "Audit",
    "Auth",
    "Breaker",
    "Buckets",
    "Cors",
    "Draw",
    "Endpoint",
    "ForbiddenWords",
    "Gateway",
    "GatewayTls",
    "Gpu",
    "Health",
    "Hedge",
    "HedgeSettings",
    "Idempotency",
    "Identity",
    "Input",
    "Jwks",
    "Jwt",
    "KIB",
    "Key",
    "KeySettings",
    "Limit",
    "LimitSettings",
    "LoadFactor",
    "MIB",
    "Mock",
    "Model",
    "ModelSettings",
    "Otlp",
    "Parameter",
    "PriorityClass",
    "Privacy",
    "Probe",
    "Queue",
    "Rate",
    "Retry",
    "Route",
    "Rule",
    "Secret",
    "Shadow",
    "ShadowSettings",
    "Share",
    "Store",
    "Target",
    "Timeouts",
    "TokenKeys",
    "Topology",
    "Upstream",
    "UpstreamSettings",
    "UpstreamTls",
    "Weighted",
    "WhenAway",
    "WhenFailing",
];

/// The other tables of the crate.
const TABLES: &[&str] = &[
    "histograms",
    "limits",
    "models",
    "policies",
    "routes",
    "upstreams",
];

/// A file in the making.
pub(super) struct TableFile {
    purpose: &'static str,
    items: Vec<Item>,
}

struct Item {
    doc: String,
    tokens: TokenStream,
}

impl TableFile {
    /// An empty file with a sentence on what it holds.
    pub(super) fn new(purpose: &'static str) -> Self {
        Self {
            purpose,
            items: Vec::new(),
        }
    }

    /// Adds the entry that comes from `path`.
    pub(super) fn entry(&mut self, path: &KeyPath, tokens: TokenStream) {
        self.items.push(Item {
            doc: format!("`[{path}]`"),
            tokens,
        });
    }

    /// Adds an item that several places of the spec make up.
    pub(super) fn item(&mut self, doc: &str, tokens: TokenStream) {
        self.items.push(Item {
            doc: doc.to_owned(),
            tokens,
        });
    }

    /// Adds the list of every entry, in the order of `names`.
    pub(super) fn all<'n>(
        &mut self,
        doc: &str,
        entity: TokenStream,
        names: impl Iterator<Item = &'n str>,
    ) {
        let names = names.map(literal::constant);
        self.item(doc, quote!(pub static ALL: &[&#entity] = &[#(&#names,)*];));
    }

    /// The text of the file.
    pub(super) fn render(self, header: &str) -> String {
        let mut text = format!("// {header}\n//! {}\n", self.purpose);
        let imports = self.imports();
        if !imports.is_empty() {
            text.push('\n');
            text.push_str(&imports);
        }
        for Item { doc, tokens } in self.items {
            text.push_str("\n/// ");
            text.push_str(&doc);
            text.push('\n');
            text.push_str(&layout::item(tokens));
        }
        text
    }

    /// What the entries name, imported in three blocks.
    fn imports(&self) -> String {
        let mut used = BTreeSet::new();
        for item in &self.items {
            identifiers(item.tokens.clone(), &mut used);
        }
        let used_of = |names: &[&'static str], suffix: &str| -> Vec<&str> {
            names
                .iter()
                .copied()
                .filter(|name| used.contains(&format!("{name}{suffix}")))
                .collect()
        };
        let mut blocks = Vec::new();
        if used.contains("Duration") {
            blocks.push("use std::time::Duration;\n".to_owned());
        }
        blocks.extend(import("runtime::topology", &used_of(VOCABULARY, "")));
        blocks.extend(import("crate", &used_of(TABLES, PATH)));
        blocks.join("\n")
    }
}

fn import(from: &str, names: &[&str]) -> Option<String> {
    match names {
        [] => None,
        [only] => Some(format!("use {from}::{only};\n")),
        _ => Some(format!("use {from}::{{{}}};\n", names.join(", "))),
    }
}

/// What follows the first identifier of a path.
const PATH: &str = "::";

/// The identifiers in `tokens`; those that begin a path also with [`PATH`], because a field may have the
/// name of a table.
fn identifiers(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) => {
                let name = Ident::to_string(&ident);
                if let Some(TokenTree::Punct(next)) = tokens.peek()
                    && next.as_char() == ':'
                    && next.spacing() == Spacing::Joint
                {
                    found.insert(format!("{name}{PATH}"));
                }
                found.insert(name);
            }
            TokenTree::Group(group) => identifiers(group.stream(), found),
            _ => {}
        }
    }
}
