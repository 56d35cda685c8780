//! Reads the XML that `svn --xml` writes: elements, attributes and text, and nothing else that XML could be.

/// What comes next in a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// `<name a="b">`
    Open(String, Vec<(String, String)>),
    /// Between elements.
    Text(String),
    /// `</name>`
    Close,
}

/// A document's events. Where it is cut off or is no XML, the events until there.
pub(super) fn events(text: &str) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        if !before.is_empty() {
            events.push(Event::Text(unescaped(before)));
        }
        // An attribute's value has no `>`: svn escapes it.
        let Some(end) = tag.find('>') else { return events };
        let inside = &tag[1..end];
        rest = &tag[end + 1..];
        if inside.starts_with(['?', '!']) {
            continue;
        }
        if inside.starts_with('/') {
            events.push(Event::Close);
            continue;
        }
        let alone = inside.strip_suffix('/');
        let Some((name, attributes)) = element(alone.unwrap_or(inside)) else { return events };
        events.push(Event::Open(name, attributes));
        if alone.is_some() {
            events.push(Event::Close);
        }
    }
    events
}

fn element(inside: &str) -> Option<(String, Vec<(String, String)>)> {
    let (name, mut rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some((name.to_owned(), attributes));
        }
        let (key, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        attributes.push((key.to_owned(), unescaped(value)));
        rest = after;
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let known = after.find(';').filter(|end| *end <= 10).and_then(|end| {
            let meant = match &after[1..end] {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                number => {
                    let number = number.strip_prefix('#')?;
                    let number = match number.strip_prefix('x') {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => number.parse().ok()?,
                    };
                    char::from_u32(number)?
                }
            };
            Some((meant, end))
        });
        match known {
            Some((meant, end)) => {
                out.push(meant);
                rest = &after[end + 1..];
            }
            None => {
                out.push('&');
                rest = &after[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_svn_writes() {
        let open = |name: &str, attributes: &[(&str, &str)]| {
            let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            Event::Open(name.to_owned(), attributes.collect())
        };
        let text = |text: &str| Event::Text(text.to_owned());
        assert_eq!(
            events(
                "<?xml version=\"1.0\"?>\n<a\n   b=\"1 &amp; 2\"\n   c=\"\">x&#13;&lt;y&gt; &z;</a><d/>"
            ),
            [
                text("\n"),
                open("a", &[("b", "1 & 2"), ("c", "")]),
                text("x\r<y> &z;"),
                Event::Close,
                open("d", &[]),
                Event::Close
            ]
        );
        assert_eq!(events("<a><b c=\"d"), [open("a", &[])]);
        assert_eq!(events("<a b=c>"), []);
        assert_eq!(events("no"), []);
    }
}
