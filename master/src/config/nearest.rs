//! "Did you mean": the known name that is nearest to a misspelt one.

/// The nearest of the names, when it is near enough to be what was meant.
pub(super) fn nearest<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let bound = (wanted.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (distance(wanted, name), name))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The hint for a misspelt name: the nearest one, else a list of what there is, else nothing.
pub(super) fn hint(wanted: &str, known: &[&str], what: &str) -> String {
    if let Some(name) = nearest(wanted, known.iter().copied()) {
        return format!("did you mean `{name}`?");
    }
    match known {
        [] => String::new(),
        _ if known.len() <= LISTED => format!("{what}: {}", known.join(", ")),
        _ => format!("{what}: {} and {} more", known[..LISTED].join(", "), known.len() - LISTED),
    }
}

/// So many names are listed in a hint.
const LISTED: usize = 12;
/// Longer names than this are compared by their beginnings, so that the table below stays small.
const COMPARED: usize = 60;

/// How many letters must be put in, left out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(COMPARED).flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().take(COMPARED).flat_map(char::to_lowercase).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        let known = ["command", "workdir", "timeout"];
        assert_eq!(nearest("comand", known), Some("command"));
        assert_eq!(nearest("tiemout", known), Some("timeout"));
        assert_eq!(nearest("wrkdri", known), Some("workdir"));
        assert_eq!(nearest("factory", known), None);
        assert_eq!(hint("factory", &known, "it takes"), "it takes: command, workdir, timeout");
        assert_eq!(hint("x", &[], "it takes"), "");
    }
}
