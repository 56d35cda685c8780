//! Where each argument of each call stands, so that a mistake is shown at the argument and not at the call.
//!
//! Starlark tells a native function only the span of its call. The syntax tree is walked once, before it is evaluated, and
//! the places are kept under that span.

use std::collections::{BTreeMap, HashMap};

use starlark::codemap::{FileSpan, Span};
use starlark::syntax::AstModule;
use starlark::syntax::ast::{ArgumentP, AssignOp, AstArgument, AstExpr, AstStmt, ExprP, StmtP};

use super::problem::{Place, Problem};

/// Line and column, both from 1.
type Position = (u32, u32);

/// One argument.
#[derive(Clone, Debug)]
pub(super) struct ArgumentSite {
    /// Of the name when it has one, else of the value.
    pub place: Place,
    /// Of each element of a list or tuple, or of each key of a dictionary, where the value is written out.
    pub elements: Vec<Place>,
}

/// One call, with the places of what is given.
#[derive(Clone, Debug, Default)]
pub(super) struct CallSite {
    /// Of the call.
    pub place: Place,
    /// Those without a name, in order.
    pub positional: Vec<ArgumentSite>,
    /// Those with a name.
    pub named: BTreeMap<String, ArgumentSite>,
}

#[derive(Debug)]
struct Argument {
    name: Option<String>,
    position: Position,
    elements: Vec<Position>,
}

/// Every call of every file.
#[derive(Debug, Default)]
pub(super) struct Calls {
    files: HashMap<String, HashMap<(u32, u32), Vec<Argument>>>,
    definitions: HashMap<String, Vec<Place>>,
}

impl Calls {
    /// Takes in a file. Problems are those that the tree alone shows.
    pub(super) fn add(&mut self, file: &str, ast: &AstModule, problems: &mut Vec<Problem>) {
        let mut walk = Walk { ast, file, calls: HashMap::new(), definitions: Vec::new(), problems };
        walk.statement(ast.statement());
        ast.statement().visit_expr(|expression| walk.expression(expression));
        let (calls, definitions) = (walk.calls, walk.definitions);
        for (name, position) in definitions {
            let place = place(file, position);
            self.definitions.entry(format!("{file}.{name}")).or_default().push(place);
        }
        self.files.insert(file.to_owned(), calls);
    }

    /// The call that has this span.
    pub(super) fn site(&self, span: &FileSpan) -> CallSite {
        let file = span.filename();
        let mut site = CallSite { place: place_of(span), ..CallSite::default() };
        let key = (span.span.begin().get(), span.span.end().get());
        for argument in self.files.get(file).and_then(|calls| calls.get(&key)).into_iter().flatten()
        {
            let found = ArgumentSite {
                place: place(file, argument.position),
                elements: argument.elements.iter().map(|at| place(file, *at)).collect(),
            };
            match &argument.name {
                Some(name) => _ = site.named.insert(name.clone(), found),
                None => site.positional.push(found),
            }
        }
        site
    }

    /// Where the function `FILE.NAME` is defined, if that file has just one of the name.
    pub(super) fn definition(&self, name: &str) -> Option<&Place> {
        match self.definitions.get(name).map(Vec::as_slice) {
            Some([place]) => Some(place),
            _ => None,
        }
    }
}

/// The beginning of a span.
pub(super) fn place_of(span: &FileSpan) -> Place {
    place(span.filename(), begin(span))
}

fn begin(span: &FileSpan) -> Position {
    let begin = span.resolve_span().begin;
    let from_one = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
    (from_one(begin.line), from_one(begin.column))
}

fn place(file: &str, (line, column): Position) -> Place {
    Place { file: file.to_owned(), line, column }
}

struct Walk<'a> {
    ast: &'a AstModule,
    file: &'a str,
    calls: HashMap<(u32, u32), Vec<Argument>>,
    definitions: Vec<(String, Position)>,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    fn position(&self, span: Span) -> Position {
        begin(&self.ast.file_span(span))
    }

    fn statement(&mut self, statement: &AstStmt) {
        match &statement.node {
            StmtP::Def(def) => {
                let at = self.position(def.name.span);
                self.definitions.push((def.name.node.ident.clone(), at));
            }
            // Multiplying is guarded where it is an expression (guard.rs); this form cannot be.
            StmtP::AssignModify(_, AssignOp::Multiply, _) => {
                let at = place(self.file, self.position(statement.span));
                self.problems.push(Problem::at(
                    &at,
                    "`*=` is not part of this language, since its result has no bound",
                    "write `x = x * n`",
                ));
            }
            _ => {}
        }
        statement.visit_stmt(|child| self.statement(child));
    }

    fn expression(&mut self, expression: &AstExpr) {
        if let ExprP::Call(_, arguments) = &expression.node {
            let found = arguments.args.iter().map(|argument| self.argument(argument)).collect();
            let span = expression.span;
            self.calls.insert((span.begin().get(), span.end().get()), found);
        }
        expression.visit_expr(|child| self.expression(child));
    }

    fn argument(&self, argument: &AstArgument) -> Argument {
        let (name, value) = match &argument.node {
            ArgumentP::Named(name, value) => (Some(name.node.clone()), value),
            ArgumentP::Positional(value) | ArgumentP::Args(value) | ArgumentP::KwArgs(value) => {
                (None, value)
            }
        };
        let elements = match &value.node {
            ExprP::List(items) | ExprP::Tuple(items) => {
                items.iter().map(|item| self.position(item.span)).collect()
            }
            ExprP::Dict(items) => items.iter().map(|(key, _)| self.position(key.span)).collect(),
            _ => Vec::new(),
        };
        Argument { name, position: self.position(argument.span), elements }
    }
}
