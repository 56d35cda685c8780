//! JUnit's XML, as JUnit, pytest, Gradle, nextest, node and many others write it.
//!
//! A `testcase` with a `failure` or `error` failed, one with `skipped` did not run; everything else is passed over. No
//! entity beyond XML's own five is expanded, no document type is followed, and depth is bounded.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::tally::{Outcome, Tally};

/// The longest document.
const MAX_BYTES: usize = 64 << 20;
/// The deepest nesting.
const MAX_DEPTH: usize = 200;

/// A document that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Junit {
    bytes: Vec<u8>,
    too_long: bool,
}

struct Case {
    name: String,
    seconds: Option<f64>,
    outcome: Outcome,
}

impl Junit {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let room = MAX_BYTES - self.bytes.len();
        self.too_long |= bytes.len() > room;
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Reads all that has come. What stands before the first `<` is none of it: a program may say something first.
    pub(super) fn end(&mut self, tally: &mut Tally) -> Result<(), String> {
        let bytes = std::mem::take(&mut self.bytes);
        let Some(start) = bytes.iter().position(|byte| *byte == b'<') else {
            return Err("is no XML".to_owned());
        };
        if self.too_long {
            return Err(format!("is larger than {} MiB", MAX_BYTES >> 20));
        }
        // What a test printed may be anything.
        let text = String::from_utf8_lossy(&bytes[start..]);
        let mut reader = Reader::from_str(&text);
        let (mut depth, mut case, mut found) = (0_usize, None, false);
        loop {
            let at = reader.buffer_position();
            match reader.read_event() {
                Ok(Event::Start(tag)) => {
                    depth += 1;
                    if depth > MAX_DEPTH {
                        return Err("is nested too deeply".to_owned());
                    }
                    found |= is_ours(&tag);
                    open(&tag, &mut case);
                }
                Ok(Event::Empty(tag)) => {
                    found |= is_ours(&tag);
                    open(&tag, &mut case);
                    if tag.local_name().as_ref() == "testcase" {
                        close(&mut case, tally);
                    }
                }
                Ok(Event::End(tag)) => {
                    depth = depth.saturating_sub(1);
                    if tag.local_name().as_ref() == "testcase" {
                        close(&mut case, tally);
                    }
                }
                Ok(Event::Eof) if depth > 0 => return Err("ends in the middle".to_owned()),
                Ok(Event::Eof) if found => return Ok(()),
                Ok(Event::Eof) => return Err("holds no test suite".to_owned()),
                Ok(_) => {}
                Err(error) => {
                    let why: String = error.to_string().chars().take(200).collect();
                    return Err(format!("is no XML from byte {at} on: {why}"));
                }
            }
        }
    }
}

fn is_ours(tag: &BytesStart<'_>) -> bool {
    matches!(tag.local_name().as_ref(), "testsuites" | "testsuite" | "testcase")
}

fn open(tag: &BytesStart<'_>, case: &mut Option<Case>) {
    match tag.local_name().as_ref() {
        "testcase" => {
            let name = attribute(tag, "name").unwrap_or_default();
            let name = match attribute(tag, "classname") {
                Some(class) if !class.is_empty() && !name.starts_with(&class) => {
                    format!("{class} {name}")
                }
                _ => name,
            };
            // Some write thousands with a comma.
            let seconds =
                attribute(tag, "time").and_then(|time| time.replace(',', "").parse().ok());
            *case = Some(Case { name, seconds, outcome: Outcome::Passed });
        }
        "failure" | "error" => {
            if let Some(case) = case.as_mut().filter(|case| case.outcome != Outcome::Skipped) {
                case.outcome = Outcome::Failed;
            }
        }
        // One that is known to fail is written as both.
        "skipped" => {
            if let Some(case) = case {
                case.outcome = Outcome::Skipped;
            }
        }
        _ => {}
    }
}

fn close(case: &mut Option<Case>, tally: &mut Tally) {
    if let Some(case) = case.take() {
        tally.add(&case.name, case.outcome, case.seconds);
    }
}

/// An attribute with XML's own entities in it replaced; one with others as it stands.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    Some(match attribute.normalized_value(XmlVersion::Explicit1_0) {
        Ok(text) => text.into_owned(),
        Err(_) => attribute.value.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Tally, Result<(), String>) {
        let (mut tally, mut junit) = (Tally::default(), Junit::default());
        for piece in text.as_bytes().chunks(7) {
            junit.feed(piece);
        }
        let end = junit.end(&mut tally);
        (tally, end)
    }

    const PYTEST: &str = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="5" time="0.063" timestamp="2026-01-02T03:04:05.678901+00:00" hostname="vm"><testcase classname="test_a.TestX" name="test_good" time="0.001" /><testcase classname="test_a" name="test_bad[&lt;1&gt;]" time="0.002"><failure message="assert 1 == 2">def test_bad(): &gt; assert 1 == 2</failure></testcase><testcase classname="test_a" name="test_setup" time="0.000"><error message="failed on setup">E</error></testcase><testcase classname="test_a" name="test_skip" time="0.000"><skipped type="pytest.skip" message="no">x</skipped></testcase><testcase classname="test_a" name="test_xfail" time="0.000"><skipped type="pytest.xfail" message="known" /></testcase></testsuite></testsuites>"#;

    /// Written by `node --test --test-reporter=junit` (20.20).
    const NODE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites>
	<testcase name="adds" time="0.003174" classname="test"/>
	<testcase name="fails &lt;here> &amp; &amp;quot;there&amp;quot;" time="0.001761" classname="test" failure="1 == 2">
		<failure type="testCodeFailure" message="1 == 2">
[Error [ERR_TEST_FAILURE]: 1 == 2] { code: 'x' }
		</failure>
	</testcase>
	<testcase name="todo" time="0.000250" classname="test" failure="1 == 2">
		<skipped type="todo" message="true"/>
		<failure type="testCodeFailure" message="1 == 2">x</failure>
	</testcase>
	<testsuite name="nest" time="0.000902" disabled="0" errors="0" tests="2" failures="1" skipped="0" hostname="vm">
		<testcase name="inner ok" time="0.000192" classname="test"/>
		<testcase name="inner bad" time="0.000155" classname="test" failure="no"><failure/></testcase>
	</testsuite>
	<!-- tests 7 -->
</testsuites>
"#;

    #[test]
    fn reports_of_real_programs_are_read() {
        let (tally, end) = read(PYTEST);
        assert_eq!(end, Ok(()));
        assert_eq!(tally.numbers(), (5, 1, 2, 2));
        assert_eq!(tally.failures(), ["test_a test_bad[<1>]", "test_a test_setup"]);
        assert_eq!(tally.seconds(0), Some(0.002));
        let (tally, end) = read(NODE);
        assert_eq!(end, Ok(()));
        assert_eq!(tally.numbers(), (5, 2, 2, 1));
        assert_eq!(tally.failures(), ["test fails <here> & &quot;there&quot;", "test inner bad"]);
    }

    #[test]
    fn both_a_failure_and_an_error_are_one_test() {
        let (tally, _) = read(
            "<testsuite><testcase name='a'><failure/><error/><rerunFailure/></testcase></testsuite>",
        );
        assert_eq!(tally.numbers(), (1, 0, 1, 0));
        let (tally, _) = read(
            "<testsuite><testcase name='a'><system-out><![CDATA[<failure/>]]></system-out></testcase></testsuite>",
        );
        assert_eq!(tally.numbers(), (1, 1, 0, 0), "what a test printed is no result");
    }

    #[test]
    fn what_is_no_report_says_why() {
        for (text, why) in [
            ("", "is no XML"),
            ("all is well", "is no XML"),
            ("<html><body/></html>", "holds no test suite"),
            ("<testsuite><testcase name='a'/>", "ends in the middle"),
            ("<testsuite><testcase name='a'></testsuite>", "is no XML from byte"),
        ] {
            let said = read(text).1.unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
        // What can be read before the fault counts.
        let (tally, _) = read("<testsuite><testcase name='a'><failure/></testcase><testcase");
        assert_eq!(tally.numbers(), (1, 0, 1, 0));
    }

    #[test]
    fn hostile_documents_cost_nothing() {
        let laughs = r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="&b; &f;"><failure>&b;&f;</failure></testcase></testsuite>"#;
        let (tally, end) = read(laughs);
        assert_eq!((tally.numbers(), end), ((1, 0, 1, 0), Ok(())));
        assert_eq!(tally.failures(), ["&b; &f;"]);
        let deep = format!("<testsuite>{}", "<x>".repeat(100_000));
        assert_eq!(read(&deep).1.unwrap_err(), "is nested too deeply");
        let long = format!(
            "<testsuite><testcase name='{}'><error/></testcase></testsuite>",
            "x".repeat(1 << 20)
        );
        assert!(read(&long).0.failures()[0].len() < 500);
    }
}
