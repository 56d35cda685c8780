//! After a mistake that ends the evaluation: all of it once more, one statement after the other, to find the other mistakes.
//!
//! A statement that fails gives mistakes reported already for the names it would have given a value. What it would have
//! declared is not known, unless its text tells; then nobody is blamed for naming what is not declared.

use std::collections::{BTreeSet, HashMap, HashSet};

use starlark::environment::{FrozenModule, Module};
use starlark::eval::{Evaluator, ReturnFileLoader};
use starlark::syntax::AstModule;
use starlark::syntax::ast::{ArgumentP, AstArgument, AstExpr, AstLiteral, AstStmt, ExprP, StmtP};

use super::draft::Draft;
use super::finish;
use super::globals::{Function, GLOBALS, functions};
use super::guard::LOAD;
use super::problem::Problem;
use super::sources::{DIALECT, Sources};
use super::star::{
    Printer, assigned, desk_of, furnish, guarded, limit, problem_of_load, reachable,
    undefined_names, unread,
};
use super::values::{Desk, Phantom};

/// The most text that is parsed again, in bytes; beyond it the first mistake has to do.
const MOST_BYTES: usize = 64 << 20;

/// Every problem of texts whose evaluation ended with `first`; `desk`: what was found before.
pub(super) fn problems(sources: &mut Sources, desk: &Desk, first: Problem) -> Vec<Problem> {
    let mut known = std::mem::take(&mut desk.0.borrow_mut().problems);
    let is_hopeless = is_limit(&first);
    known.push(first);
    if is_hopeless {
        return known;
    }
    let desk = desk_of(sources);
    let mut modules = HashMap::new();
    let texts = sources.texts.clone();
    for name in sources.order.clone() {
        let Some((_, text)) = texts.iter().find(|(file, _)| *file == name) else { continue };
        match file(&name, text, sources, &desk, &modules) {
            Some(module) => _ = modules.insert(name, module),
            None => return known,
        }
    }
    let mut draft = desk.0.into_inner();
    if draft.problems.iter().any(is_limit) {
        return known;
    }
    finish::finish(&mut draft);
    // Whatever became of the second look, the first one's end is told.
    for problem in known {
        if !draft.problems.contains(&problem) {
            draft.problems.push(problem);
        }
    }
    draft.problems
}

/// Whether it went on for too long or took too much: a second look would do the same.
fn is_limit(problem: &Problem) -> bool {
    ["it runs for ", "it uses "].iter().any(|begin| problem.message.starts_with(begin))
}

/// Evaluates a file as far as it can be; nothing: it cannot be cut into statements.
fn file(
    name: &str,
    text: &str,
    sources: &Sources,
    desk: &Desk,
    modules: &HashMap<String, FrozenModule>,
) -> Option<FrozenModule> {
    let whole = AstModule::parse(name, text.to_owned(), &DIALECT).ok()?;
    let pieces = pieces(&whole, text);
    if pieces.len().saturating_mul(text.len()) > MOST_BYTES {
        return None;
    }
    let mut missing: HashSet<String> = undefined_names(&whole, sources.facts.is_some(), desk);
    // Functions may name what is given a value only below them.
    missing.extend(assigned(&whole));
    let harmless = harmless(&whole);
    let unread = unread(&whole, modules).ok()?;
    let loader = ReturnFileLoader { modules: &reachable(modules, &unread) };
    let printer = Printer { desk, file: name };
    Module::with_temp_heap(|module| {
        furnish(&module, sources, &missing);
        {
            let mut eval = Evaluator::new(&module);
            limit(&mut eval, &LOAD).ok()?;
            eval.set_loader(&loader);
            eval.set_print_handler(&printer);
            eval.extra = Some(desk);
            for (begin, end) in pieces {
                let mut ast = AstModule::parse(name, alone(text, begin, end), &DIALECT).ok()?;
                let doubts = Doubts::of(ast.statement(), &harmless);
                let names = assigned(&ast);
                guarded(&mut ast);
                let Err(error) = eval.eval_module(ast, &GLOBALS) else { continue };
                for name in names {
                    module.set(&name, module.heap().alloc(Phantom));
                }
                let problem = problem_of_load(&error, name);
                let mut draft = desk.0.borrow_mut();
                doubts.leave(&mut draft);
                // What cannot be done with a mistake is no further one.
                if !problem.message.contains("`mistake`") && !draft.problems.contains(&problem) {
                    draft.problems.push(problem);
                }
            }
        }
        module.freeze().ok()
    })
}

/// Where the statements at the top begin and end, in bytes. Those that share a line are one.
fn pieces(ast: &AstModule, text: &str) -> Vec<(usize, usize)> {
    fn walk(statement: &AstStmt, text: &str, pieces: &mut Vec<(usize, usize)>) {
        if let StmtP::Statements(statements) = &statement.node {
            statements.iter().for_each(|statement| walk(statement, text, pieces));
            return;
        }
        let (begin, end) =
            (statement.span.begin().get() as usize, statement.span.end().get() as usize);
        match pieces.last_mut() {
            Some((_, last)) if !text.get(*last..begin).unwrap_or("").contains('\n') => *last = end,
            _ => pieces.push((begin, end)),
        }
    }
    let mut pieces = Vec::new();
    walk(ast.statement(), text, &mut pieces);
    pieces
}

/// A piece of a text at its place: what stands before it is a comment of the same shape.
fn alone(text: &str, begin: usize, end: usize) -> String {
    let mut alone = String::with_capacity(end);
    for byte in text.as_bytes().iter().take(begin) {
        alone.push(if *byte == b'\n' { '\n' } else { '#' });
    }
    alone.push_str(text.get(begin..end).unwrap_or(""));
    alone
}

/// What a statement that failed may have declared.
#[derive(Default)]
struct Doubts {
    /// Every text in it: among them are the names that it tells.
    texts: Vec<String>,
    /// Whether it may have declared something of another name.
    anything: bool,
}

impl Doubts {
    /// Of a statement; `harmless` are the functions that declare nothing.
    fn of(statement: &AstStmt, harmless: &BTreeSet<String>) -> Self {
        let mut doubts = Self::default();
        // Defining a function declares nothing.
        if !matches!(statement.node, StmtP::Def(_)) {
            statement.visit_expr(|expression| doubts.look(expression, harmless));
        }
        doubts
    }

    fn look(&mut self, expression: &AstExpr, harmless: &BTreeSet<String>) {
        match &expression.node {
            ExprP::Literal(AstLiteral::String(text)) => self.texts.push(text.node.clone()),
            ExprP::Call(function, arguments) => {
                if let ExprP::Identifier(name) = &function.node {
                    let name = name.node.ident.as_str();
                    self.anything |=
                        !harmless.contains(name) && !declares_plainly(name, &arguments.args);
                }
            }
            _ => {}
        }
        expression.visit_expr(|child| self.look(child, harmless));
    }

    fn leave(self, draft: &mut Draft) {
        draft.phantoms.extend(self.texts);
        draft.unsure |= self.anything;
    }
}

/// The functions at the top of a file that declare nothing, nor call any that might.
fn harmless(file: &AstModule) -> BTreeSet<String> {
    fn definitions<'a>(statement: &'a AstStmt, found: &mut Vec<(&'a str, &'a AstStmt)>) {
        match &statement.node {
            StmtP::Statements(all) => all.iter().for_each(|one| definitions(one, found)),
            StmtP::Def(def) => found.push((def.name.node.ident.as_str(), &def.body)),
            _ => {}
        }
    }
    fn may_declare(expression: &AstExpr, harmless: &BTreeSet<String>) -> bool {
        let mut may = false;
        if let ExprP::Call(function, _) = &expression.node
            && let ExprP::Identifier(name) = &function.node
        {
            let name = name.node.ident.as_str();
            may = !harmless.contains(name) && !declares_nothing(name);
        }
        expression.visit_expr(|child| may |= may_declare(child, harmless));
        may
    }
    let mut found = Vec::new();
    definitions(file.statement(), &mut found);
    let mut harmless: BTreeSet<String> = found.iter().map(|(name, _)| (*name).to_owned()).collect();
    loop {
        let wrong = found.iter().find(|(name, body)| {
            let mut may = false;
            body.visit_expr(|expression| may |= may_declare(expression, &harmless));
            may && harmless.contains(*name)
        });
        let Some((name, _)) = wrong else { return harmless };
        harmless.remove(*name);
    }
}

/// Whether a function of this name, Starlark's or ours, declares nothing.
fn declares_nothing(function: &str) -> bool {
    match functions().find(|known| known.name == function) {
        Some(ours) => ours.group.is_of_a_build() || !has_name(ours),
        None => GLOBALS.names().any(|name| name.as_str() == function),
    }
}

/// Whether a call declares nothing, or a thing whose name its text says.
fn declares_plainly(function: &str, arguments: &[AstArgument]) -> bool {
    let is_ours = functions().any(|known| known.name == function);
    declares_nothing(function)
        || is_ours
            && arguments.iter().any(|argument| match &argument.node {
                ArgumentP::Named(name, value) => name.node == "name" && is_text(value),
                ArgumentP::Positional(value) => is_text(value),
                ArgumentP::Args(_) | ArgumentP::KwArgs(_) => false,
            })
}

fn has_name(function: &Function) -> bool {
    function.parameters().any(|parameter| parameter.name == "name")
}

fn is_text(expression: &AstExpr) -> bool {
    matches!(expression.node, ExprP::Literal(AstLiteral::String(_)))
}
