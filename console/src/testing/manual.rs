//! The manual's table of keys is made from the registry, so the two cannot disagree. `UPDATE=1` writes it.

use std::fmt::Write as _;

use crate::registry::ACTIONS;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/manual/console.md");
const BEGIN: &str = "<!-- keys: made from the registry -->\n";

fn table() -> String {
    let mut text =
        String::from("\n| key | what it does | the same from the shell |\n|---|---|---|\n");
    let mut seen = Vec::new();
    for action in ACTIONS {
        let keys: Vec<String> = action.keys.iter().map(|key| format!("`{key}`")).collect();
        let row = (keys.join(" "), action.title);
        if seen.contains(&row) {
            continue;
        }
        let verb = action.verb.map(|verb| format!("`{verb}`")).unwrap_or_default();
        writeln!(text, "| {} | {} | {verb} |", row.0, row.1).expect("a String takes all");
        seen.push(row);
    }
    text
}

#[test]
fn the_manual_has_the_keys_of_the_registry() {
    let page = std::fs::read_to_string(PAGE).expect("the page is there");
    let (head, _) = page.split_once(BEGIN).expect("the page has a mark where the table begins");
    let wanted = format!("{head}{BEGIN}{}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, &wanted).expect("written");
    } else {
        assert!(page == wanted, "console.md is stale: UPDATE=1 cargo test -p linn-console manual");
    }
}
