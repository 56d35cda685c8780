//! The evaluator: files in, a finished draft and the kept functions out, within limits of ticks, memory and depth.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use starlark::PrintHandler;
use starlark::analysis::AstModuleLint;
use starlark::environment::{FrozenModule, Module};
use starlark::eval::{BeforeStmtFunc, Evaluator, ReturnFileLoader};
use starlark::syntax::AstModule;
use starlark::values::OwnedFrozenValue;

use super::aliases;
use super::call::slot;
use super::calls::place_of;
use super::careful;
use super::draft::Draft;
use super::finish;
use super::globals::{GLOBALS, functions};
use super::guard::{Bounds, HeapGuard, LOAD, REPLACED};
use super::likeness::Likenesses;
use super::lower;
use super::nearest;
use super::problem::{Place, Problem, harmless, quote};
use super::sources::{Parsed, Sources, problem_of};
use super::values::{Desk, Phantom};

/// Calls inside calls.
pub(super) const CALL_DEPTH: usize = 100;
/// The stack of a thread that parses, evaluates or calls functions. Only what is used of it costs anything.
pub(crate) const STACK: usize = 256 << 20;

/// What evaluation gives.
pub(super) struct Evaluated {
    pub draft: Draft,
    /// By the index of their hook.
    pub functions: Vec<OwnedFrozenValue>,
}

/// Runs what parses, evaluates or calls functions on a stack that is deep enough for it.
///
/// # Errors
/// When there is no thread to be had, or it panicked.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("configuration".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, work)
            .map_err(|error| format!("cannot start a thread to evaluate in: {error}"))?;
        thread
            .join()
            .map_err(|_| "the evaluation broke down; this is a mistake of linn's".to_owned())
    })
}

/// Evaluates every file, each after all that it loads.
///
/// # Errors
/// Every problem found. After a mistake that ends the evaluation all is evaluated once more, statement by statement, to find
/// the others.
pub(super) fn evaluate(sources: &mut Sources) -> Result<Evaluated, Vec<Problem>> {
    let desk = desk_of(sources);
    let likenesses = Likenesses::of(sources);
    let mut modules: HashMap<String, FrozenModule> = HashMap::new();
    for file in std::mem::take(&mut sources.parsed) {
        let name = file.name.clone();
        match evaluate_file(file, sources, &desk, &modules) {
            Ok(module) => _ = modules.insert(name, module),
            Err(error) => {
                let problem = problem_of_load(&error, &name);
                sources.calls = std::mem::take(&mut desk.0.borrow_mut().calls);
                return Err(sorted(careful::problems(sources, &desk, problem)));
            }
        }
    }
    let mut draft = desk.0.into_inner();
    finish::finish(&mut draft);
    if !draft.problems.is_empty() {
        return Err(sorted(draft.problems));
    }
    let functions = kept_functions(&draft, &modules).map_err(|problem| vec![problem])?;
    draft.config.functions = draft.hooks.iter().map(|hook| likenesses.like(hook)).collect();
    Ok(Evaluated { draft, functions })
}

/// An empty desk for these texts, with what reading them showed. Takes their calls.
pub(super) fn desk_of(sources: &mut Sources) -> Desk {
    let calls = std::mem::take(&mut sources.calls);
    let mut draft = Draft::new(sources.digest.clone(), calls, sources.problems.clone());
    draft.unsure = sources.unread;
    Desk(RefCell::new(draft), None)
}

/// In the order of the text.
fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| (problem.file.clone(), problem.line, problem.column));
    problems
}

/// An error that ends an evaluation. One inside of a function says from where that was called, too.
pub(super) fn problem_of_load(error: &starlark::Error, file: &str) -> Problem {
    let mut problem = problem_of(error, file);
    let outermost = error.call_stack().frames.first().and_then(|frame| frame.location.as_ref());
    if let Some(called) = outermost.map(place_of)
        && (&called.file, called.line) != (&problem.file, problem.line)
    {
        let called = format!("this was called at {called}");
        problem.hint = match problem.hint.as_str() {
            "" => called,
            hint => format!("{hint}; {called}"),
        };
    }
    problem
}

fn evaluate_file(
    file: Parsed,
    sources: &Sources,
    desk: &Desk,
    modules: &HashMap<String, FrozenModule>,
) -> starlark::Result<FrozenModule> {
    let Parsed { name, mut ast } = file;
    let undefined = undefined_names(&ast, sources.facts.is_some(), desk);
    let unread = unread(&ast, modules)?;
    guarded(&mut ast);
    let loader = ReturnFileLoader { modules: &reachable(modules, &unread) };
    let printer = Printer { desk, file: &name };
    Module::with_temp_heap(|module| {
        furnish(&module, sources, &undefined);
        {
            let mut eval = Evaluator::new(&module);
            limit(&mut eval, &LOAD)?;
            eval.set_loader(&loader);
            eval.set_print_handler(&printer);
            eval.extra = Some(desk);
            eval.eval_module(ast, &GLOBALS)?;
        }
        module.freeze().map_err(starlark::Error::new_other)
    })
}

/// Puts ours in the place of operators without a bound.
pub(super) fn guarded(ast: &mut AstModule) {
    let replaced = REPLACED.map(|(symbol, name)| (symbol.to_owned(), name.to_owned()));
    ast.replace_binary_operators(&HashMap::from(replaced));
}

/// The modules that a file loads, be they there or not.
pub(super) fn reachable<'a>(
    modules: &'a HashMap<String, FrozenModule>,
    unread: &'a HashMap<String, FrozenModule>,
) -> HashMap<&'a str, &'a FrozenModule> {
    unread.iter().chain(modules).map(|(name, module)| (name.as_str(), module)).collect()
}

/// For each file that is loaded and not there, which was reported, one that has the names in question.
///
/// # Errors
/// Never in practice: what stands for a mistake can be frozen.
pub(super) fn unread(
    ast: &AstModule,
    modules: &HashMap<String, FrozenModule>,
) -> starlark::Result<HashMap<String, FrozenModule>> {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let loads = ast.loads();
    for load in loads.iter().filter(|load| !modules.contains_key(load.module_id)) {
        names.entry(load.module_id).or_default().extend(load.symbols.values().copied());
    }
    let empty = |(file, names): (&str, BTreeSet<&str>)| {
        let module = Module::with_temp_heap(|module| {
            for name in names {
                module.set(name, module.heap().alloc(Phantom));
            }
            module.freeze().map_err(starlark::Error::new_other)
        })?;
        Ok((file.to_owned(), module))
    };
    names.into_iter().map(empty).collect()
}

/// What a module has before its text is evaluated.
pub(super) fn furnish(module: &Module<'_>, sources: &Sources, missing: &HashSet<String>) {
    let heap = module.heap();
    if let Some(facts) = &sources.facts {
        let json = serde_json::to_value(facts).unwrap_or_default();
        if let Some(map) = json.as_object() {
            let value = lower::record_of(heap, map, |_, item| lower::value_of(heap, item));
            module.set("checkout", value);
        }
    }
    for name in missing {
        module.set(name, heap.alloc(Phantom));
    }
}

/// Sets the limits of an evaluation.
///
/// # Errors
/// Never in practice: the limits are numbers of ours.
pub(super) fn limit(eval: &mut Evaluator<'_, '_, '_>, bounds: &Bounds) -> starlark::Result<()> {
    let wrap = |error: anyhow::Error| starlark::Error::new_other(error);
    // The guard is the first to see it and says where, except where there is nothing to be before. Starlark's own look
    // comes last in every call and would take the word from it, so its limit is beyond the heap's next size.
    eval.set_max_tick_count(bounds.ticks.saturating_add(1000)).map_err(wrap)?;
    eval.set_max_heap_size(bounds.heap.saturating_mul(2)).map_err(wrap)?;
    eval.set_max_callstack_size(CALL_DEPTH).map_err(wrap)?;
    eval.before_stmt_for_dap(BeforeStmtFunc::from_dyn(Box::new(HeapGuard)));
    Ok(())
}

/// Reports every name that nothing defines and gives them back, so that evaluation can go on without them.
pub(super) fn undefined_names(ast: &AstModule, has_facts: bool, desk: &Desk) -> HashSet<String> {
    let mut known: HashSet<String> = GLOBALS.names().map(|name| name.as_str().to_owned()).collect();
    if has_facts {
        known.insert("checkout".to_owned());
    }
    let mut undefined = HashSet::new();
    for lint in ast.lint(Some(&known)) {
        if lint.short_name != "using-undefined" {
            continue;
        }
        let name = lint.original.clone();
        let near = || {
            let visible = visible(ast, &known);
            let near = nearest::nearest(&name, visible.iter().map(String::as_str))?;
            Some(format!("did you mean `{near}`?"))
        };
        let hint = match aliases::module(&name).map(str::to_owned).or_else(near) {
            Some(hint) => hint,
            None if name == "checkout" => {
                "it is known only where linn is started in a checkout".to_owned()
            }
            None => String::new(),
        };
        desk.0.borrow_mut().problem(
            &place_of(&lint.location),
            format!("{} is not defined", quote(&name)),
            hint,
        );
        undefined.insert(name);
    }
    undefined
}

/// The names that may have been meant: linn's own, Starlark's, and those that the file assigns at its top.
fn visible(ast: &AstModule, known: &HashSet<String>) -> Vec<String> {
    let mut names: BTreeMap<String, ()> =
        known.iter().filter(|name| !name.contains(' ')).map(|name| (name.clone(), ())).collect();
    for function in functions().filter(|function| function.is_later()) {
        names.remove(function.name);
    }
    names.extend(assigned(ast).into_iter().map(|name| (name, ())));
    names.into_keys().collect()
}

/// The names that a file's top level assigns or defines.
pub(super) fn assigned(ast: &AstModule) -> Vec<String> {
    use starlark::syntax::ast::{AssignTargetP, AstStmt, StmtP};

    fn walk(statement: &AstStmt, names: &mut Vec<String>) {
        match &statement.node {
            StmtP::Def(def) => names.push(def.name.node.ident.clone()),
            StmtP::Assign(assign) => {
                if let AssignTargetP::Identifier(name) = &assign.lhs.node {
                    names.push(name.node.ident.clone());
                }
            }
            StmtP::Load(load) => {
                names.extend(load.args.iter().map(|arg| arg.local.node.ident.clone()));
            }
            _ => statement.visit_stmt(|child| walk(child, names)),
        }
    }
    let mut names = Vec::new();
    walk(ast.statement(), &mut names);
    names
}

/// Finds the kept functions among the frozen modules.
fn kept_functions(
    draft: &Draft,
    modules: &HashMap<String, FrozenModule>,
) -> Result<Vec<OwnedFrozenValue>, Problem> {
    let mut functions = Vec::with_capacity(draft.hooks.len());
    for hook in &draft.hooks {
        let name = slot(hook.index);
        let found = modules.values().find_map(|module| module.get_option(&name).ok().flatten());
        let Some(function) = found else {
            let message =
                format!("the function {} was lost; this is a mistake of linn's", hook.label);
            return Err(Problem::at(&Place::file(""), message, ""));
        };
        functions.push(function);
    }
    Ok(functions)
}

/// `print` while loading is a note.
pub(super) struct Printer<'a> {
    pub desk: &'a Desk,
    pub file: &'a str,
}

impl PrintHandler for Printer<'_> {
    fn println(&self, text: &str) -> starlark::Result<()> {
        self.desk.0.borrow_mut().note(&Place::file(self.file), harmless(text, 500));
        Ok(())
    }
}
