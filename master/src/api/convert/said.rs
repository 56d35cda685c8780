//! What a worker is to look for in the output of a command, and what it says of that (F19 to F21). Bounded here again: a
//! worker is somebody else's machine.

use linn_core::model::{Look, Said, Suppression, Test, TestResult, TestResults, Url};
use linn_proto::worker as wire;

use super::command::{MAX_CAPTURED_BYTES, MAX_SENTENCE_BYTES};

/// The most links of one step.
const MAX_LINKS: usize = 100;
/// The longest address, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// The most numbers of one step.
const MAX_STATISTICS: usize = 200;
/// The most failed tests whose names are kept.
const MAX_TESTS: usize = 1_000;
/// The longest name of any of these, in bytes.
const MAX_NAME_BYTES: usize = 512;
/// The names of all failed tests of a step, in bytes: they are part of its build.
const MAX_TESTS_BYTES: usize = 128 * 1024;

/// `None`: nothing is looked for.
pub(super) fn observe(look: &Look) -> Option<wire::Observe> {
    if *look == Look::default() {
        return None;
    }
    let suppression = |it: &Suppression| wire::Suppression {
        file: it.file.clone(),
        text: it.text.clone(),
        first: it.first,
        last: it.last,
    };
    let report = look.report.as_ref();
    Some(wire::Observe {
        warning_pattern: look.warning_pattern.clone().unwrap_or_default(),
        suppressions: look.suppressions.iter().map(suppression).collect(),
        warning_log: look.warning_log.clone().unwrap_or_default(),
        report_format: report.map(|it| it.format.clone()).unwrap_or_default(),
        report: report.and_then(|it| it.path.clone()).unwrap_or_default(),
    })
}

/// What was said with the end of a command, as far as it makes sense.
pub(super) fn read(said: wire::Said) -> Said {
    let mut captured_err = said.captured_err;
    captured_err.truncate(MAX_CAPTURED_BYTES);
    let numbers = said.statistics.into_iter();
    Said {
        captured_err,
        warnings: said.warnings,
        urls: said.links.iter().take(MAX_LINKS).filter_map(read_link).collect(),
        statistics: numbers
            .filter(|(name, value)| is_name(name) && value.is_finite())
            .take(MAX_STATISTICS)
            .collect(),
        tests: said.tests.map(tests),
        mistakes: said.mistakes,
        first_mistake: sentence(&said.first_mistake),
    }
}

/// A link; `None`: what came is none that may be shown.
pub(crate) fn read_link(link: &wire::LinkFound) -> Option<Url> {
    let web = link.url.get(..8).is_some_and(|start| {
        let start = start.to_ascii_lowercase();
        start.starts_with("http://") || start == "https://"
    });
    let plain = !link.url.chars().any(|c| c.is_whitespace() || c.is_control());
    let fits = web && plain && link.url.len() <= MAX_URL_BYTES;
    let named = !link.name.is_empty() && link.name.len() <= MAX_URL_BYTES;
    let named = named && !link.name.chars().any(char::is_control);
    (fits && named).then(|| Url { name: link.name.clone(), url: link.url.clone() })
}

fn tests(told: wire::TestResults) -> TestResults {
    let mut failures = Vec::new();
    let mut bytes = 0;
    for failed in told.failures.into_iter().filter(|it| is_name(&it.name)).take(MAX_TESTS) {
        bytes += failed.name.len();
        if bytes > MAX_TESTS_BYTES {
            break;
        }
        failures.push(Test {
            name: failed.name,
            result: TestResult::Failed,
            duration: failed.seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
        });
    }
    TestResults {
        total: told.total,
        passed: told.passed,
        failed: told.failed,
        skipped: told.skipped,
        failures,
        trouble: sentence(&told.trouble),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control)
}

fn sentence(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_SENTENCE_BYTES / 4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_an_address_of_the_web() {
        let read = |url: &str| {
            read_link(&wire::LinkFound { command: 1, name: "n".into(), url: url.into() }).is_some()
        };
        assert!(read("https://x/y") && read("http://x") && read("HTTPS://x"));
        for url in ["", "x", "file:///etc/passwd", "javascript:x", "https://a b", "http://a\u{1b}"]
        {
            assert!(!read(url), "{url}");
        }
        assert!(!read(&format!("https://{}", "x".repeat(10_000))));
    }

    #[test]
    fn what_a_worker_says_is_bounded() {
        let failed = |name: &str| wire::FailedTest { name: name.into(), seconds: Some(f64::NAN) };
        let mut said = wire::Said {
            tests: Some(wire::TestResults {
                failures: (0..5_000).map(|n| failed(&format!("t{n}"))).collect(),
                ..wire::TestResults::default()
            }),
            first_mistake: "x".repeat(1 << 20),
            ..wire::Said::default()
        };
        said.statistics.insert("a".into(), f64::INFINITY);
        said.statistics.insert("b".into(), 1.0);
        said.statistics.insert("\n".into(), 1.0);
        let read = read(said);
        let tests = read.tests.unwrap();
        assert_eq!((tests.failures.len(), tests.failures[0].duration), (1_000, None));
        assert_eq!(read.statistics.into_keys().collect::<Vec<_>>(), ["b"]);
        assert!(read.first_mistake.len() <= MAX_SENTENCE_BYTES);
    }
}
