//! What a function is like: texts by which functions of two generations can be told to do the same (C30).
//!
//! A function defined at the top of a file is like its own text, without comments and blanks, and that of all it names,
//! however far: other functions, lists, what is loaded. Of any other function (a lambda, one made inside of another) the
//! likeness is that of all texts. So two that are alike do the same; two that do the same may be called different.

use std::collections::{BTreeMap, BTreeSet};

use linn_core::hooks::HookId;
use starlark::syntax::ast::{AssignTargetP, AstAssignTarget, AstStmt, StmtP};

use super::sources::{FACTS, Sources, digest};

/// What the top levels of all files say, one statement each.
#[derive(Default)]
pub(super) struct Likenesses {
    statements: Vec<Statement>,
    /// Which statements make a name what it is.
    makers: BTreeMap<String, Vec<usize>>,
    /// Which files define a function at their top, by its name.
    functions: BTreeMap<String, Vec<String>>,
    facts: String,
}

struct Statement {
    text: String,
    names: BTreeSet<String>,
}

impl Likenesses {
    /// Of the trees of all files.
    pub(super) fn of(sources: &Sources) -> Self {
        let facts = sources.texts.iter().find(|(name, _)| name == FACTS);
        let facts = facts.map(|(_, text)| text.clone()).unwrap_or_default();
        let mut all = Self { facts, ..Self::default() };
        for file in &sources.parsed {
            all.read(&file.name, file.ast.statement());
        }
        all
    }

    fn read(&mut self, file: &str, statement: &AstStmt) {
        if let StmtP::Statements(statements) = &statement.node {
            statements.iter().for_each(|statement| self.read(file, statement));
            return;
        }
        let text = statement.node.to_string();
        let names = words(&text);
        let mut made = BTreeSet::new();
        bound(statement, &mut made);
        if let StmtP::Def(def) = &statement.node {
            let name = def.name.node.ident.clone();
            self.functions.entry(name).or_default().push(file.to_owned());
        } else {
            // What is done to a name, `BRANCHES.append("x")`, makes it too.
            made.extend(changed(&text));
        }
        for name in made {
            self.makers.entry(name).or_default().push(self.statements.len());
        }
        self.statements.push(Statement { text, names });
    }

    /// Of one function, in hex.
    pub(super) fn like(&self, hook: &HookId) -> String {
        let (name, place) = hook.label.rsplit_once(" at ").unwrap_or_default();
        let file = self.functions.get(name).and_then(|files| match files.as_slice() {
            [file] if place.starts_with(&format!("{file}:")) => Some(file),
            _ => None,
        });
        let mut needed = BTreeSet::new();
        if file.is_some() {
            let mut names = vec![name.to_owned()];
            let mut seen: BTreeSet<String> = BTreeSet::from([name.to_owned()]);
            while let Some(name) = names.pop() {
                for &at in self.makers.get(&name).into_iter().flatten() {
                    if needed.insert(at) {
                        let further = self.statements[at].names.iter();
                        names.extend(further.filter(|name| seen.insert((*name).clone())).cloned());
                    }
                }
            }
        } else {
            needed.extend(0..self.statements.len());
        }
        let mut texts = vec![(name.to_owned(), String::new())];
        for at in needed {
            let Statement { text, names } = &self.statements[at];
            let facts = if names.contains("checkout") { self.facts.clone() } else { String::new() };
            texts.push((text.clone(), facts));
        }
        digest(&texts).to_string()
    }
}

/// The names that a statement gives a value.
fn bound(statement: &AstStmt, names: &mut BTreeSet<String>) {
    match &statement.node {
        StmtP::Def(def) => drop(names.insert(def.name.node.ident.clone())),
        StmtP::Assign(assign) => targets(&assign.lhs, names),
        StmtP::AssignModify(target, _, _) => targets(target, names),
        StmtP::For(each) => {
            targets(&each.var, names);
            bound(&each.body, names);
        }
        StmtP::Load(load) => {
            names.extend(load.args.iter().map(|arg| arg.local.node.ident.clone()));
        }
        _ => statement.visit_stmt(|child| bound(child, names)),
    }
}

fn targets(target: &AstAssignTarget, names: &mut BTreeSet<String>) {
    match &target.node {
        AssignTargetP::Identifier(name) => drop(names.insert(name.node.ident.clone())),
        AssignTargetP::Tuple(parts) => parts.iter().for_each(|part| targets(part, names)),
        other => names.extend(words(&other.to_string())),
    }
}

/// The names behind which a statement may change something: it calls a method of them or stores into them.
fn changed(text: &str) -> BTreeSet<String> {
    let ends = text.match_indices(['.', '[']).map(|(at, _)| &text[..at]);
    let name = |before: &str| {
        let word = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next();
        word.filter(|word| !word.is_empty()).map(str::to_owned)
    };
    ends.filter_map(name).collect()
}

/// The words of a text that can be names.
fn words(text: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let named = |word: &&str| word.starts_with(|c: char| c.is_alphabetic() || c == '_');
    parts.filter(named).map(str::to_owned).collect()
}
